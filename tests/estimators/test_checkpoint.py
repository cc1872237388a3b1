"""A fit that is interrupted goes on from its checkpoint, to the same bits."""

import _thread
import os
import pickle
import random
import re
import signal
import sys
import time
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from skorch import callbacks as sk
from torch import nn

from killed_fits import (
    FITS,
    IMAGES,
    TABLE,
    Killed,
    assert_same,
    before_epoch,
    counted_epochs,
    killed_after,
    nursery,
    quick,
    weights_of,
)
from skdae import ConvDAE, DenoisingAutoencoder, GaussianNoise
from skdae.estimators._state_file import read_state
from skdae.training import _checkpoints

pytestmark = pytest.mark.usefixtures("every_epoch")


# ---------------------------------------------------------------- the same bits
@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize("n_epochs", [1, 5])
def test_a_fit_goes_on_to_the_same_weights(name, n_epochs, tmp_path):
    dae, data = FITS[name]
    expected = clone(dae).set_params(max_epochs=8).fit(*data)
    dae = clone(dae).set_params(max_epochs=8, checkpoint=tmp_path / "fit")
    with killed_after(n_epochs):
        clone(dae).fit(*data)
    with counted_epochs() as epochs:
        again = clone(dae).fit(*data)
    assert epochs == list(range(n_epochs + 1, expected.n_iter_ + 1))
    assert_same(again, expected)
    assert_same(clone(dae).fit(*data), expected)
    assert [file.name for file in tmp_path.iterdir()] == ["fit"]


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "muon", "sgd", torch.optim.RMSprop])
@pytest.mark.parametrize("lr_schedule", ["one_cycle", "constant"])
def test_all_optimizers_go_on(optimizer, lr_schedule, tmp_path):
    dae = ConvDAE((4,), noise="gaussian", max_epochs=4, random_state=0)
    dae.set_params(optimizer=optimizer, lr_schedule=lr_schedule)
    expected = clone(dae).fit(IMAGES)
    dae.set_params(checkpoint=str(tmp_path / "fit"))
    with killed_after(2):
        clone(dae).fit(IMAGES)
    assert_same(dae.fit(IMAGES), expected)


@pytest.mark.gpu
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_captured_steps_go_on(optimizer, tmp_path):
    dae = quick(device="cuda", optimizer=optimizer, batch_size=4, max_epochs=6)
    expected = clone(dae).fit(TABLE)
    dae.set_params(checkpoint=tmp_path / "fit")
    with killed_after(3):
        clone(dae).fit(TABLE)
    dae.fit(TABLE)
    np.testing.assert_allclose(dae.loss_curve_, expected.loss_curve_, rtol=1e-5)
    for a, b in zip(dae.net_._parameters, expected.net_._parameters, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_early_stopping_keeps_its_count(tmp_path):
    """An interruption between the best epoch and the last changes neither."""
    settings = {"early_stopping": True, "n_iter_no_change": 3, "max_epochs": 80, "lr": 0.02}
    dae = quick(lr_schedule="constant", **settings)
    expected = clone(dae).fit(TABLE)
    assert 4 <= expected.n_iter_ < 80
    for n_epochs in range(expected.n_iter_ - 3, expected.n_iter_):
        dae.set_params(checkpoint=tmp_path / str(n_epochs))
        with killed_after(n_epochs):
            clone(dae).fit(TABLE)
        assert_same(clone(dae).fit(TABLE), expected)


def test_the_clean_values_behind_a_noise_step_count(tmp_path):
    """The noise step draws anew at each run; training does so anyway."""
    noise = GaussianNoise(0.2)
    expected = make_pipeline(noise, quick(noise="auto")).fit(TABLE)[-1]
    steps = make_pipeline(noise, quick(noise="auto", checkpoint=tmp_path / "fit"))
    with killed_after(2):
        clone(steps).fit(TABLE)
    assert_same(clone(steps).fit(TABLE)[-1], expected)


def test_without_a_random_state_the_seeds_are_in_the_file(tmp_path, monkeypatch):
    dae = DenoisingAutoencoder(
        FITS["dropout"][0].module, noise="gaussian", max_epochs=4, checkpoint=tmp_path / "fit"
    )
    with killed_after(2):
        clone(dae).fit(TABLE)
    seeds = read_state(tmp_path / "fit")["seeds"]
    again = clone(dae).fit(TABLE)
    assert_same(clone(dae).fit(TABLE), again)
    monkeypatch.setattr("skdae.estimators._building.draw_seeds", lambda *_: seeds)
    assert_same(clone(dae).set_params(checkpoint=None).fit(TABLE), again)


def test_a_random_state_is_drawn_from_as_ever(tmp_path):
    dae = quick(checkpoint=tmp_path / "fit")
    dae.set_params(random_state=np.random.RandomState(3)).fit(TABLE)
    expected = quick(random_state=np.random.RandomState(3)).fit(TABLE)
    assert_same(clone(dae).set_params(random_state=np.random.RandomState(3)).fit(TABLE), expected)
    with pytest.raises(ValueError, match="random_state was"):
        dae.fit(TABLE)


def test_a_complete_fit_is_read(tmp_path):
    dae = quick(checkpoint=tmp_path / "fit", early_stopping=True).fit(TABLE)
    before = (tmp_path / "fit").read_bytes()
    with counted_epochs() as epochs:
        again = quick(checkpoint=tmp_path / "fit", early_stopping=True).fit(TABLE)
    assert not epochs
    assert_same(again, dae)
    np.testing.assert_array_equal(again.predict(TABLE), dae.predict(TABLE))
    assert again.net_.optimizer_.state == {}
    assert (tmp_path / "fit").read_bytes() == before


def test_a_fit_that_diverges_does_so_again(tmp_path):
    dae = quick(lr=1e3, lr_schedule="constant", checkpoint=tmp_path / "fit", optimizer="sgd")
    for _ in range(2):
        with pytest.raises(ValueError, match="diverged"):
            clone(dae).fit(TABLE)


def test_global_generators_stay(tmp_path):
    dae, data = FITS["dropout"]
    dae = clone(dae).set_params(checkpoint=tmp_path / "fit", max_epochs=4)
    before = torch.get_rng_state()
    with killed_after(2):
        clone(dae).fit(*data)
    clone(dae).fit(*data)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_bar_goes_on(tmp_path, capsys):
    dae = quick(checkpoint=tmp_path / "fit", batch_size=100)
    with killed_after(3):
        clone(dae).fit(TABLE)
    dae.set_params(verbose=1).fit(TABLE)
    shown = capsys.readouterr().err
    assert "epoch 4/4" in shown
    assert "12/12" in shown
    assert "epoch 3/4" not in shown


# ---------------------------------------------------------------- kill -9
def kill_and_go_on(started, name, folder, expected, wait):
    """Kill a fit after some seconds, let it go on, and return whether there was a state."""
    file, weights = folder / "fit", folder / "weights.npz"
    started.start(name, file, weights)
    time.sleep(wait)
    started.kill()
    assert started.status() in (0, -signal.SIGKILL)
    kept = file.exists()
    weights.unlink(missing_ok=True)
    started.start(name, file, weights)
    assert started.status() == 0
    found = np.load(weights)
    np.testing.assert_array_equal(found["weights"], expected[name]["weights"])
    np.testing.assert_array_equal(found["losses"], expected[name]["losses"])
    file.unlink()
    return kept


def kill_many(n_kills, names, folder):
    """Kill fits of these kinds at random times; return how many had written a state."""
    expected, seconds, n_kept = {}, {}, 0
    rng = random.Random(0)
    with nursery() as started:
        for name in names:
            begin = time.perf_counter()
            started.start(name, folder / "whole", folder / f"{name}.npz")
            assert started.status() == 0
            seconds[name] = time.perf_counter() - begin
            (folder / "whole").unlink()
            expected[name] = dict(np.load(folder / f"{name}.npz"))
        for index in range(n_kills):
            name = list(expected)[index % len(expected)]
            wait = rng.uniform(0, seconds[name])
            n_kept += kill_and_go_on(started, name, folder, expected, wait)
    return n_kept


posix = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks its processes")


@posix
def test_killed_fits_end_with_the_same_weights(tmp_path):
    kill_many(5, ["dense", "patches", "dropout"], tmp_path)


@posix
@pytest.mark.slow
def test_fifty_killed_fits_end_with_the_same_weights(tmp_path):
    # How many kills come before the first epoch is over depends on the machine.
    assert kill_many(50, FITS, tmp_path) > 5


# ---------------------------------------------------------------- Ctrl-C
@pytest.mark.usefixtures("ctrl_c")
def test_a_fit_goes_on_after_ctrl_c(tmp_path):
    expected = quick().fit(TABLE)
    dae = quick(checkpoint=tmp_path / "fit")

    def press(epoch, net):
        if epoch == 3:
            _thread.interrupt_main()
            time.sleep(0.01)

    with before_epoch(press), pytest.raises(KeyboardInterrupt):
        dae.fit(TABLE)
    assert dae.n_iter_ == 2
    with counted_epochs() as epochs:
        dae.fit(TABLE)
    assert epochs == [3, 4]
    assert_same(dae, expected)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_while_a_file_is_written(tmp_path, monkeypatch):
    expected = quick().fit(TABLE)
    dae = quick(checkpoint=tmp_path / "fit")
    fsync, calls = os.fsync, []

    def press(descriptor):
        calls.append(descriptor)
        if len(calls) == 2:
            _thread.interrupt_main()
            time.sleep(0.01)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", press)
    with pytest.raises(KeyboardInterrupt):
        dae.fit(TABLE)
    assert [file.name for file in tmp_path.iterdir()] == ["fit"]
    with counted_epochs() as epochs:
        dae.fit(TABLE)
    assert epochs == [2, 3, 4]
    assert_same(dae, expected)


# ---------------------------------------------------------------- other data, other settings
OTHERS = [
    ("lr", {"lr": 0.1}),
    ("max_epochs", {"max_epochs": 5}),
    ("activation", {"activation": "tanh"}),
    ("noise", {"noise": "swap"}),
    ("noise", {"noise": GaussianNoise(0.11)}),
    ("random_state", {"random_state": 1}),
    ("random_state", {"random_state": None}),
    ("loss", {"loss": nn.MSELoss()}),
    ("optimizer", {"optimizer": partial(torch.optim.AdamW, eps=1e-7)}),
    ("early_stopping", {"early_stopping": True}),
    ("batch_size", {"batch_size": 16}),
    ("precision", {"precision": "bfloat16"}),
    ("standardize", {"standardize": False}),
]


@pytest.mark.parametrize("is_complete", [False, True])
@pytest.mark.parametrize(("name", "parameters"), OTHERS)
def test_other_settings_are_an_error(name, parameters, is_complete, tmp_path):
    file = tmp_path / "fit"
    if is_complete:
        quick(checkpoint=file).fit(TABLE)
    else:
        with killed_after(2):
            quick(checkpoint=file).fit(TABLE)
    before = file.read_bytes()
    with pytest.raises(ValueError, match=f"fit is the checkpoint of another fit: {name} was "):
        quick(**parameters, checkpoint=file).fit(TABLE)
    assert file.read_bytes() == before


def changed_value(X):
    X = X.copy()
    X[-1, -1] += 0.001
    return X


@pytest.mark.parametrize(
    "change",
    [lambda X: X[:-1], lambda X: X[::-1], changed_value, lambda X: X.astype("f8")[:, :9]],
)
def test_other_data_are_an_error(change, tmp_path):
    with killed_after(2):
        quick(checkpoint=tmp_path / "fit").fit(TABLE)
    with pytest.raises(ValueError, match="another fit: X was shape"):
        quick(checkpoint=tmp_path / "fit").fit(change(TABLE))


def test_other_targets_are_an_error(tmp_path):
    dae = quick(noise=None, checkpoint=tmp_path / "fit")
    with killed_after(2):
        clone(dae).fit(TABLE, TABLE + 1)
    with pytest.raises(ValueError, match="another fit: y was shape"):
        clone(dae).fit(TABLE, TABLE + 2)


def test_another_estimator_is_an_error(tmp_path):
    quick(checkpoint=tmp_path / "fit").fit(TABLE)
    with pytest.raises(ValueError, match="another fit: estimator was"):
        ConvDAE((4,), checkpoint=tmp_path / "fit", noise=None, sample_shape=(32,)).fit(TABLE)


@pytest.mark.parametrize(
    "parameters",
    [
        {"hidden_layer_sizes": [8]},
        {"hidden_layer_sizes": np.array([8])},
        {"noise": GaussianNoise()},
        {"latent_dim": np.int64(3)},
        {"verbose": 1},
        {"device": "cpu"},
    ],
)
def test_the_same_settings_may_be_written_otherwise(parameters, tmp_path):
    if torch.cuda.is_available():
        parameters = {**parameters, "device": "auto"}
    with killed_after(2):
        quick(checkpoint=str(tmp_path / "fit")).fit(TABLE)
    dae = quick(checkpoint=tmp_path / "fit").set_params(**parameters).fit(TABLE.copy())
    assert_same(dae, quick().fit(TABLE))


# ---------------------------------------------------------------- folders
def test_each_fit_has_a_file_of_its_own_in_a_folder(tmp_path):
    for parameters in ({}, {"lr": 0.01}, {"random_state": 1}, {}):
        quick(checkpoint=tmp_path, **parameters).fit(TABLE)
    quick(checkpoint=tmp_path).fit(TABLE[:200])
    names = [file.name for file in tmp_path.iterdir()]
    assert len(names) == 4
    assert all(re.fullmatch(r"DenseDAE-[0-9a-f]{16}\.skdae", name) for name in names)


@pytest.mark.parametrize("random_state", [0, None])
def test_a_search_trains_what_is_left(random_state, tmp_path):
    grid = {"lr": [0.001, 0.01], "latent_dim": [2, 3]}
    dae = quick(checkpoint=tmp_path, random_state=random_state)
    search = GridSearchCV(dae, grid, cv=2, error_score="raise")
    epochs = []

    def kill(epoch, net):
        if len(epochs) == 14:
            raise Killed
        epochs.append(epoch)

    with before_epoch(kill), pytest.raises(Killed):
        clone(search).fit(TABLE)
    with counted_epochs() as left:
        search.fit(TABLE)
    # Eight fits and the last one, of four epochs each.
    assert len(epochs) + len(left) == 9 * 4
    assert len(list(tmp_path.iterdir())) == 9
    if random_state is not None:
        expected = GridSearchCV(quick(), grid, cv=2).fit(TABLE)
        for name in ("mean_test_score", "split1_test_score"):
            np.testing.assert_array_equal(search.cv_results_[name], expected.cv_results_[name])
        assert_same(search.best_estimator_, expected.best_estimator_)


def test_a_search_with_one_file_says_what_to_do(tmp_path):
    search = GridSearchCV(
        quick(checkpoint=tmp_path / "fit"), {"lr": [0.1, 0.01]}, cv=2, error_score="raise"
    )
    with pytest.raises(ValueError, match="a folder, where each fit has a file of its own"):
        search.fit(TABLE)


# ---------------------------------------------------------------- going on
def test_partial_fit_takes_no_checkpoint(tmp_path):
    with pytest.raises(ValueError, match="'checkpoint' parameter of DenseDAE must be None in par"):
        quick(checkpoint=tmp_path).partial_fit(TABLE)


@pytest.mark.parametrize("random_state", [0, None])
def test_warm_starts_go_on_in_a_folder(random_state, tmp_path, monkeypatch):
    if random_state is None:
        monkeypatch.setattr("skdae.estimators._building.draw_seeds", lambda *_: [1, 2])
    dae = quick(warm_start=True, random_state=random_state)
    expected = clone(dae).fit(TABLE).fit(TABLE[:200])
    dae.set_params(checkpoint=tmp_path)
    with killed_after(4 + 2):
        clone(dae).fit(TABLE).fit(TABLE[:200])
    with counted_epochs() as epochs:
        dae.fit(TABLE)
        assert not epochs
        dae.fit(TABLE[:200])
    assert epochs == [7, 8]
    assert_same(dae, expected)
    assert_same(dae.fit(TABLE), expected.fit(TABLE))
    assert len(list(tmp_path.iterdir())) == 3


def test_a_second_warm_start_needs_another_file(tmp_path):
    dae = quick(warm_start=True, checkpoint=tmp_path / "fit").fit(TABLE)
    with pytest.raises(ValueError, match="another fit: start was a new net"):
        dae.fit(TABLE)


def test_an_estimator_with_a_checkpoint_is_saved_and_loaded(tmp_path):
    dae = quick(checkpoint=tmp_path / "fit").fit(TABLE)
    again = pickle.loads(pickle.dumps(dae))
    assert again.checkpoint == tmp_path / "fit"
    assert_same(again.fit(TABLE), dae)
    dae.save_weights(tmp_path / "weights.safetensors")
    loaded = quick().load_weights(tmp_path / "weights.safetensors")
    np.testing.assert_array_equal(loaded.predict(TABLE), dae.predict(TABLE))
    # Another file is no other net.
    dae.set_params(checkpoint=tmp_path, warm_start=True).fit(TABLE)


@pytest.mark.parametrize("value", [3, True, ["fit"]])
def test_a_checkpoint_is_a_path(value):
    with pytest.raises(ValueError, match="'checkpoint' parameter of DenseDAE must be"):
        quick(checkpoint=value).fit(TABLE)


# ---------------------------------------------------------------- callbacks
class Decay(sk.Callback):
    """Halves the rate after each second epoch, and remembers how often it was called."""

    def initialize(self):
        self.n_calls = 0

    def on_epoch_end(self, net, **kwargs):
        self.n_calls += 1
        if self.n_calls % 2 == 0:
            for group in net.optimizer_.param_groups:
                group["lr"] /= 2

    def state_dict(self):
        return {"n_calls": self.n_calls}

    def load_state_dict(self, state):
        self.n_calls = state["n_calls"]


@pytest.mark.parametrize("callback", [sk.EpochScoring("r2"), ("stop", sk.EarlyStopping())])
def test_a_callback_must_say_what_it_keeps(callback, tmp_path):
    dae = quick(early_stopping=True, callbacks=[callback], checkpoint=tmp_path / "fit")
    with pytest.raises(ValueError, match=r"must be None with E\w+ in the callbacks"):
        dae.fit(TABLE)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("callbacks", [[Decay()], [("mine", Decay())]])
def test_a_callback_goes_on(callbacks, tmp_path):
    dae = quick(callbacks=callbacks, lr_schedule="constant", max_epochs=7)
    expected = clone(dae).fit(TABLE)
    dae.set_params(checkpoint=tmp_path / "fit")
    with killed_after(3):
        clone(dae).fit(TABLE)
    with pytest.raises(ValueError, match="callbacks was"):
        clone(dae).set_params(callbacks=None).fit(TABLE)
    assert_same(clone(dae).fit(TABLE), expected)
    assert not np.array_equal(
        weights_of(expected), weights_of(quick(lr_schedule="constant", max_epochs=7).fit(TABLE))
    )


class Odd(Decay):
    def state_dict(self):
        return {"file": sys.stdout}


def test_what_a_file_cannot_hold_is_an_error(tmp_path):
    with pytest.raises(TypeError, match="A checkpoint holds numbers, texts, arrays"):
        quick(callbacks=[Odd()], checkpoint=tmp_path / "fit").fit(TABLE)
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------- how often
@pytest.mark.parametrize(
    ("cost", "expected"),
    # An epoch takes 1 s, writing takes 1 %, 1.5 % or 4 % of it.
    [(0.01, [1, 2, 3, 4, 5, 6, 7, 8, 9]), (0.015, [1, 3, 5, 7, 9]), (0.04, [1, 5, 9])],
)
def test_writing_takes_a_hundredth_of_the_time(cost, expected, tmp_path, monkeypatch):
    monkeypatch.setattr(_checkpoints, "_SHARE", 0.0101)
    clock, written = [0.0], []
    monkeypatch.setattr(_checkpoints.time, "perf_counter", lambda: clock[0])

    def write(path, state):
        if not state["is_complete"]:
            written.append(len(state["state"]["net"]["history"]))
        clock[0] += cost

    def tick(epoch, net):
        clock[0] += 1.0

    monkeypatch.setattr("skdae.estimators._checkpoint_file.write_state", write)
    with before_epoch(tick):
        quick(max_epochs=10, checkpoint=tmp_path / "fit").fit(TABLE)
    assert written == expected
