"""Patches: where they come from, how often, and that nothing is copied before its batch."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch
from scipy import stats

from skdae._random import make_generator
from skdae.training import Patches, patch_shape
from skdae.training._patches import cut

CPU = torch.device("cpu")


def numbered(*shape: int) -> np.ndarray:
    """Make a sample in which every value tells its place."""
    return np.arange(np.prod(shape), dtype=np.float32).reshape(*shape, 1)


def patches_of(samples, target=None, *, shape=(4, 4, 1), batch_size=8, seed=0, **settings):
    settings = {"device": CPU, "generator": make_generator(seed), **settings}
    return Patches(samples, target, sample_shape=shape, batch_size=batch_size, **settings)


def test_patches_are_cut_from_their_sample():
    image = numbered(9, 13)
    windows = {
        image[row : row + 4, column : column + 4].tobytes()
        for row in range(6)
        for column in range(10)
    }
    seen = set()
    patches = patches_of([image])
    for _ in range(40):
        for x, target in patches:
            assert torch.equal(x, target)
            seen |= {np.ascontiguousarray(p).tobytes() for p in x.movedim(1, -1).numpy()}
    assert seen <= windows
    assert len(seen) > 0.9 * len(windows)  # 280 draws of 60 places


def test_an_epoch_covers_the_samples_once_in_proportion_to_their_size():
    samples = [numbered(40, 40), numbered(20, 20), numbered(4, 4), numbered(1, 1)]
    patches = patches_of(samples)
    assert np.bincount(patches.origins).tolist() == [100, 25, 1, 1]
    assert len(patches) == sum(len(x) for x, _ in patches) == 127


def test_places_are_uniform_and_new_in_every_epoch():
    patches = patches_of([numbered(64, 64)], shape=(4, 4, 1), batch_size=256)
    rows = []
    for _ in range(20):
        list(patches)
        rows.append(patches.places[:, 0].copy())
    assert not np.array_equal(rows[0], rows[1])
    counts = np.bincount(np.concatenate(rows), minlength=61)
    assert len(counts) == 61
    assert stats.chisquare(counts).pvalue > 1e-4


def test_validation_sees_the_same_patches_every_time():
    patches = patches_of([numbered(30, 30)], generator=None, seed=0)
    first, second = ([x for x, _ in patches] for _ in range(2))
    assert all(torch.equal(*pair) for pair in zip(first, second, strict=True))


def test_one_seed_draws_the_same_patches():
    def first_epoch(seed):
        return torch.cat([x for x, _ in patches_of([numbered(30, 30)], seed=seed)])

    assert torch.equal(first_epoch(3), first_epoch(3))
    assert not torch.equal(first_epoch(3), first_epoch(4))


def test_targets_are_cut_at_the_same_place_and_turned_alike():
    image = numbered(12, 9)
    for x, target in patches_of([image], [-image], augment=True):
        assert torch.equal(x, -target)


def test_augmented_patches_come_in_all_eight_ways():
    image = numbered(4, 4)
    ways = {
        np.rot90(flipped, turn).tobytes() for flipped in (image, image[::-1]) for turn in range(4)
    }
    patches = patches_of([image] * 400, augment=True, batch_size=400)
    (x, _) = next(iter(patches))
    seen = [np.ascontiguousarray(p).tobytes() for p in x.movedim(1, -1).numpy()]
    assert set(seen) == ways
    counts = np.unique(seen, return_counts=True)[1]
    assert stats.chisquare(counts).pvalue > 1e-4


def test_patches_that_are_not_square_keep_their_shape_when_turned():
    image = numbered(9, 13)
    for x, _ in patches_of([image], shape=(2, 5, 1), augment=True):
        assert x.shape[1:] == (1, 2, 5)


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (9, 2), (3, 3)])
def test_small_samples_go_on_as_their_mirror_image(size):
    image = numbered(*size)
    expected = np.pad(image, [(0, max(0, 4 - side)) for side in size] + [(0, 0)], "symmetric")
    patch = cut(image, (0, 0), (4, 4, 1))
    assert patch.shape == (4, 4, 1)
    np.testing.assert_array_equal(patch, expected[:4, :4])


def test_signals_of_several_channels():
    signal = np.random.default_rng(0).random((50, 3))
    for x, _ in patches_of([signal], shape=(10, 3)):
        assert x.shape[1:] == (3, 10)
        assert x.dtype == torch.float32


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.uint16, 65535)])
def test_integer_images_are_read_as_fractions(dtype, white):
    image = np.full((8, 8, 1), white, dtype=dtype)
    (x, _) = next(iter(patches_of([image])))
    assert x.dtype == torch.float32
    assert (x == 1).all()


def test_samples_stay_where_they_are():
    samples = [np.zeros((500, 500, 1), dtype=np.float64) for _ in range(20)]  # 40 MB
    patches = patches_of(samples, shape=(64, 64, 1))
    tracemalloc.start()
    for _ in patches:
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2e6


def test_a_patch_is_never_larger_than_the_largest_sample():
    shapes = [(10, 100, 3), (50, 20, 3)]
    assert patch_shape(64, shapes) == (50, 64, 3)
    assert patch_shape((8, 16), shapes) == (8, 16, 3)
    assert patch_shape(1024, [(300, 2)]) == (300, 2)
