"""Arrays in files that are too large for memory: read in blocks, with the results of arrays."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn import config_context
from sklearn.base import clone
from torch import nn

from skdae import ConvDAE, DenoisingAutoencoder, DenseDAE, PoissonNoise, UNetDAE
from skdae.data import Stored, _stored
from skdae.tasks import _task
from skdae.training import StoredBatches

RNG = np.random.default_rng(0)
IMAGES = (RNG.random((700, 6, 6)) * 255).astype(np.uint8)
TABLE = RNG.random((900, 10)).astype(np.float32)
SHARED = {"noise": "gaussian", "max_epochs": 2, "random_state": 0}
ESTIMATORS = [
    DenseDAE((8,), **SHARED),
    ConvDAE((4,), **SHARED),
    ConvDAE((4,), early_stopping=True, **SHARED),
    UNetDAE((4, 6), n_blocks=1, patch_size=4, **SHARED),
]


@pytest.fixture(autouse=True)
def small_limits(monkeypatch):
    monkeypatch.setattr(_stored, "_LARGEST_IN_MEMORY", 1000)
    monkeypatch.setattr(_stored, "_BLOCK_BYTES", 36 * 20)


class Lazy:
    """The least that is read in blocks: shape, dtype, chunks and slices; it counts what is read."""

    def __init__(self, array, chunks=None):
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.chunks, self.most = chunks, 0

    def __getitem__(self, which):
        part = self.array[which]
        self.most = max(self.most, part.size)
        return part

    def __array__(self, *args, **kwargs):
        raise AssertionError("read as a whole")


def memmap(array, folder):
    path = folder / f"{array.dtype}.bin"
    array.tofile(path)
    return np.memmap(path, dtype=array.dtype, mode="r", shape=array.shape)


def hdf5(array, folder):
    h5py = pytest.importorskip("h5py")
    with h5py.File(folder / "x.h5", "w") as file:
        file["x"] = array
    return h5py.File(folder / "x.h5")["x"]


def zarr(array, folder):
    return pytest.importorskip("zarr").array(array, chunks=(50, *array.shape[1:]))


def dask(array, folder):
    return pytest.importorskip("dask.array").from_array(array, chunks=(50, *array.shape[1:]))


def lazy(array, folder):
    return Lazy(array)


each_store = pytest.mark.parametrize("store", [lazy, memmap, hdf5, zarr, dask])


@each_store
@pytest.mark.parametrize("dae", ESTIMATORS, ids=repr)
def test_results_are_those_of_arrays(dae, store, tmp_path):
    X = store(IMAGES, tmp_path)
    dae = clone(dae).fit(X)
    expected = dae.predict(IMAGES)
    out = np.empty_like(IMAGES)
    assert dae.predict(X, out=out) is out
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(dae.predict(X), expected)
    np.testing.assert_array_equal(dae.transform(X), dae.transform(IMAGES))
    np.testing.assert_array_equal(dae.score_samples(X), dae.score_samples(IMAGES))
    assert dae.score(X) == pytest.approx(dae.score(IMAGES), abs=1e-12)
    assert dae.score(X, X) == dae.score(X)
    assert dae.n_features_in_ == 36


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="Linux says what is resident")
def test_what_is_written_to_a_memory_map_does_not_stay_in_memory(tmp_path):
    X = np.random.default_rng(0).integers(0, 256, (1000, 64, 64), dtype=np.uint8)
    dae = DenseDAE((), latent_dim=2, **{**SHARED, "max_epochs": 1}).fit(X[:100])
    path = tmp_path / "out"
    out = np.memmap(path, dtype=np.uint8, mode="w+", shape=X.shape)
    dae.predict(Lazy(X, chunks=(50, 64, 64)), out=out)
    of_file = Path("/proc/self/smaps").read_text().split(str(path))[1]
    resident = int(of_file.split("Rss:")[1].split()[0])
    assert resident * 1024 < X.nbytes / 10
    del out
    written = np.memmap(path, dtype=np.uint8, mode="r", shape=X.shape)
    np.testing.assert_array_equal(written, dae.predict(X))


@each_store
def test_it_learns_as_well_as_from_an_array(store, tmp_path):
    X = store(TABLE, tmp_path)
    dae = DenseDAE((32,), latent_dim=10, noise="masking", max_epochs=30, random_state=0)
    stored, array = clone(dae).fit(X), clone(dae).fit(TABLE)
    assert stored.loss_curve_[-1] == pytest.approx(array.loss_curve_[-1], rel=0.1)
    np.testing.assert_array_equal(clone(dae).fit(X).predict(TABLE), stored.predict(TABLE))
    assert stored.partial_fit(X).n_iter_ == 31


def test_small_files_are_read_into_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(_stored, "_LARGEST_IN_MEMORY", 2**20)
    dae = DenseDAE((8,), **SHARED)
    stored = clone(dae).fit(memmap(TABLE, tmp_path)).predict(TABLE)
    np.testing.assert_array_equal(stored, clone(dae).fit(TABLE).predict(TABLE))


def test_nothing_is_read_as_a_whole(monkeypatch):
    monkeypatch.setattr(_task, "_COMPARED_AT_ONCE", 36 * 20)
    monkeypatch.setattr("skdae.data._units._LOOKED_AT", 36 * 20)
    monkeypatch.setattr("skdae.estimators._scale_warnings._LOOKED_AT", 36 * 20)
    monkeypatch.setattr("skdae.noise._summary._MOST_VALUES", 36 * 20)
    X, y = Lazy(IMAGES), Lazy(IMAGES)
    dae = ConvDAE((4,), noise=None, early_stopping=True, random_state=0, max_epochs=1).fit(X, y)
    dae.predict(X)
    dae.score(X, y)
    assert max(X.most, y.most) <= 36 * 20
    X = Lazy(IMAGES, chunks=(150, 6, 6))
    clone(dae).set_params(noise=PoissonNoise(30)).fit(X)
    assert X.most == 36 * 150


@pytest.mark.parametrize("n_rows", [1, 19, 20, 21, 333, 700])
@pytest.mark.parametrize("batch_size", [1, 7, 32, 1000])
def test_an_epoch_takes_every_row_once(n_rows, batch_size):

    array = np.arange(n_rows, dtype=np.float32)[:, None] * np.ones((1, 36), dtype=np.float32)
    rows = Stored.rows_of(Lazy(array), "Test")
    batches = StoredBatches(
        rows,
        None,
        indices=torch.arange(n_rows),
        sample_shape=(36,),
        batch_size=batch_size,
        device=torch.device("cpu"),
        generator=torch.Generator().manual_seed(0),
    )
    for _ in range(2):
        x = [x[:, 0] for x, _ in batches]
        assert [len(part) for part in x] == [
            stop - start
            for start, stop in zip(batches.starts, [*batches.starts[1:], n_rows], strict=True)
        ]
        seen = torch.cat(x)
        assert sorted(seen.tolist()) == list(range(n_rows))
        assert n_rows < 30 or seen.tolist() != sorted(seen.tolist())


def test_missing_values_are_an_error_wherever_they_lie():
    table = TABLE.copy()
    dae = DenseDAE((8,), **SHARED).fit(Lazy(TABLE))
    table[777, 3] = np.nan
    for use in (clone(dae).fit, dae.predict, dae.score, dae.transform, dae.score_samples):
        with pytest.raises(ValueError, match="Input X contains NaN"):
            use(Lazy(table))
    with config_context(assume_finite=True):
        assert np.isnan(dae.predict(Lazy(table))[777]).all()


def test_lists_of_images_in_files_are_read_where_patches_lie(tmp_path):
    images = [RNG.random((40 + i, 50)).astype(np.float32) for i in range(4)]
    dae = ConvDAE((4,), patch_size=8, **SHARED)
    lazy_images = [Lazy(image) for image in images]
    for image in lazy_images:
        image.ndim = 2
    stored, array = clone(dae).fit(lazy_images), clone(dae).fit(images)
    for a, b in zip(stored.predict(lazy_images), array.predict(images), strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_unfit_out_is_an_error():
    dae = DenseDAE((8,), **SHARED).fit(TABLE)
    for out in (np.empty((900, 9)), np.empty((900, 10), dtype=np.int64), [0], TABLE[:5].copy()):
        with pytest.raises(ValueError, match="The 'out' argument of DenseDAE.predict must"):
            dae.predict(TABLE, out=out)
    out = np.empty((900, 10))
    assert dae.predict(TABLE, out=out) is out
    np.testing.assert_array_equal(out, dae.predict(TABLE))


def test_a_lazy_array_without_a_shape_is_an_error():
    X = Lazy(TABLE)
    X.shape = (np.nan, 10)
    with pytest.raises(ValueError, match="unknown shape"):
        DenseDAE((8,)).fit(X)


def test_a_stored_y_of_another_shape_is_an_error():
    with pytest.raises(ValueError, match="must be labels"):
        DenseDAE((8,), **SHARED).fit(Lazy(TABLE), np.ones((900, 9)))


def test_a_module_of_the_user_learns_from_a_file(tmp_path):

    class Module(nn.Module):
        def __init__(self, sample_shape):
            super().__init__()
            self.encode, self.decode = nn.Linear(10, 4), nn.Linear(4, 10)

        def forward(self, x):
            return self.decode(self.encode(x))

    X = memmap(TABLE, tmp_path)
    dae = DenoisingAutoencoder(Module, **SHARED).fit(X, X)
    np.testing.assert_array_equal(dae.predict(X), dae.predict(TABLE))


def test_a_checkpoint_of_stored_rows_goes_on(tmp_path):
    dae = DenseDAE((8,), checkpoint=tmp_path / "fit.skdae", **SHARED)
    whole = clone(dae).set_params(checkpoint=None).fit(Lazy(TABLE)).predict(TABLE)
    np.testing.assert_array_equal(dae.fit(Lazy(TABLE)).predict(TABLE), whole)
    np.testing.assert_array_equal(clone(dae).fit(Lazy(TABLE)).predict(TABLE), whole)
    with pytest.raises(ValueError, match="is the checkpoint of another fit: X was"):
        clone(dae).fit(Lazy(TABLE[::-1]))


def test_dask_maps_predictions_over_its_blocks():
    array = pytest.importorskip("dask.array")
    dae = ConvDAE((4,), **SHARED).fit(IMAGES)
    X = array.from_array(IMAGES, chunks=(200, -1, -1))
    mapped = X.map_blocks(dae.predict, dtype=X.dtype)
    np.testing.assert_array_equal(mapped.compute(), dae.predict(IMAGES))


def test_samples_may_be_larger_than_the_limit(tmp_path):
    X = memmap((RNG.random((3, 40, 40)) * 255).astype(np.uint8), tmp_path)
    dae = ConvDAE((4,), **SHARED).fit(X)
    np.testing.assert_array_equal(dae.predict(X), dae.predict(np.asarray(X)))


def test_after_a_fit_on_a_list_one_image_in_a_file_is_one_image(tmp_path):
    images = [RNG.random((40 + i, 50)).astype(np.float32) for i in range(3)]
    dae = ConvDAE((4,), **SHARED).fit(images)
    image = memmap(images[0], tmp_path)
    np.testing.assert_array_equal(dae.predict(image), dae.predict(images)[0])
