"""Training sets the gradient mode that it needs, and leaves that of its caller alone."""

import pickle
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from skorch.callbacks import Callback

from skdae import ConvDAE, DenseDAE, UNetDAE

SETTINGS = {"noise": "gaussian", "random_state": 0, "max_epochs": 1}


@contextmanager
def turned_off():
    torch.set_grad_enabled(False)
    try:
        yield
    finally:
        torch.set_grad_enabled(True)


@pytest.fixture(params=[torch.no_grad, torch.inference_mode, turned_off])
def mode(request):
    return request.param


def modes():
    return torch.is_grad_enabled(), torch.is_inference_mode_enabled()


ESTIMATORS = [
    DenseDAE((8,), **SETTINGS),
    DenseDAE((8,), early_stopping=True, loss="bce", **SETTINGS),
    ConvDAE((4,), patch_size=4, **SETTINGS),
    UNetDAE((4,), n_blocks=1, **SETTINGS),
]
every = pytest.mark.parametrize("dae", ESTIMATORS, ids=range(len(ESTIMATORS)))


@every
def test_fit_is_the_same_in_every_mode(dae, mode, images):
    expected = dae.fit(images).predict(images)
    with mode():
        before = modes()
        np.testing.assert_array_equal(dae.fit(images).predict(images), expected)
        np.testing.assert_array_equal(dae.fit(torch.tensor(images)).predict(images), expected)
        assert modes() == before
    assert modes() == (True, False)


@every
def test_what_was_made_in_a_mode_is_trained_outside_of_it(dae, mode, images, tmp_path):
    with mode():
        fitted = pickle.loads(pickle.dumps(dae)).fit(images)
        unpickled = pickle.loads(pickle.dumps(fitted))
        fitted.save_weights(tmp_path / "weights")
        loaded = pickle.loads(pickle.dumps(dae)).load_weights(tmp_path / "weights")
    for model in (fitted, unpickled, loaded):
        model.partial_fit(images)


@pytest.mark.parametrize("method", ["fit_transform", "partial_fit"])
def test_other_ways_to_fit(method, mode, images):
    with mode():
        getattr(ConvDAE((4,), **SETTINGS), method)(images)


class Leave(Callback):
    """Leave with the gradients off, as torch does when Ctrl-C comes inside of an optimizer."""

    def __init__(self, error):
        self.error = error

    def on_batch_end(self, net, **kwargs):
        torch.set_grad_enabled(False)
        raise self.error


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_the_mode_of_the_caller_comes_back(error, rows):
    dae = DenseDAE((8,), callbacks=[Leave(error)], max_epochs=3, noise="gaussian")
    with pytest.raises(error):
        dae.fit(rows)
    assert modes() == (True, False)
    with torch.inference_mode():
        with pytest.raises(error):
            dae.fit(rows)
        assert modes() == (False, True)
