"""Rule 8: one seed, one model; the global states stay as they are."""

import pickle

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed
from sklearn.base import clone
from torch import nn

from kinds import ONE_OF_EACH
from skdae import DenoisingAutoencoder, DenseDAE, GaussianNoise, OneOfNoise, SwapNoise

MIXTURE = OneOfNoise([("gauss", GaussianNoise((0.1, 0.4))), ("swap", SwapNoise(0.2))])


class WithDropout(nn.Module):
    def __init__(self, sample_shape):
        super().__init__()
        n_features = int(np.prod(sample_shape))
        self.encode = nn.Sequential(nn.Flatten(), nn.Linear(n_features, 16), nn.Dropout(0.3))
        self.decode = nn.Sequential(nn.Linear(16, n_features), nn.Unflatten(1, sample_shape))

    def forward(self, x):
        return self.decode(self.encode(x))


ESTIMATORS = {
    "mixture": DenseDAE(noise=MIXTURE, max_epochs=3, random_state=0),
    "dropout": DenoisingAutoencoder(WithDropout, noise="gaussian", max_epochs=2, random_state=0),
    **{name: clone(dae).set_params(random_state=0) for name, dae in ONE_OF_EACH.items()},
}
every = pytest.mark.parametrize("dae", ESTIMATORS.values(), ids=ESTIMATORS.keys())


def weights_of_a_fit(dae, X):
    module = clone(dae).fit(X).net_.module_
    return np.concatenate([p.detach().numpy().ravel() for p in module.parameters()])


def one_thread(dae, X):
    torch.set_num_threads(1)
    return weights_of_a_fit(dae, X)


@every
def test_twice_in_a_row(dae, images):
    first = weights_of_a_fit(dae, images)
    torch.rand(3)
    np.testing.assert_array_equal(weights_of_a_fit(dae, images), first)


@every
def test_in_eight_threads(dae, images):
    expected = weights_of_a_fit(dae, images)
    fits = Parallel(n_jobs=8, backend="threading")(
        delayed(weights_of_a_fit)(dae, images) for _ in range(8)
    )
    for weights in fits:
        np.testing.assert_array_equal(weights, expected)


def test_in_two_processes(images):
    fits = Parallel(n_jobs=2)(delayed(one_thread)(ESTIMATORS["mixture"], images) for _ in range(4))
    for weights in fits[1:]:
        np.testing.assert_array_equal(weights, fits[0])


@every
def test_other_seeds_make_other_models(dae, images):
    other = clone(dae).set_params(random_state=1)
    assert not np.array_equal(weights_of_a_fit(dae, images), weights_of_a_fit(other, images))
    unseeded = clone(dae).set_params(random_state=None)
    first, second = weights_of_a_fit(unseeded, images), weights_of_a_fit(unseeded, images)
    assert not np.array_equal(first, second)


def test_a_random_state_instance_moves_on(images):
    state = np.random.RandomState(0)
    dae = DenseDAE(noise="gaussian", max_epochs=1, random_state=state)
    first = dae.fit(images).predict(images)
    assert not np.array_equal(dae.fit(images).predict(images), first)


@every
@pytest.mark.parametrize("random_state", [0, None])
def test_global_states_are_untouched(dae, random_state, images):
    torch_state, numpy_state = torch.get_rng_state(), pickle.dumps(np.random.get_state())
    dae = clone(dae).set_params(random_state=random_state)
    dae.fit(images).predict(images)
    dae.partial_fit(images)
    pickle.loads(pickle.dumps(dae))
    GaussianNoise(random_state=random_state).corrupt(images)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert pickle.dumps(np.random.get_state()) == numpy_state


class Noisy(nn.Module):
    """Draws from torch's global generator at every call."""

    def __init__(self, sample_shape):
        super().__init__()
        self.layer = nn.Linear(*sample_shape, *sample_shape)

    def encode(self, x):
        return self.layer(x + torch.randn_like(x))

    def decode(self, code):
        return code

    def forward(self, x):
        return self.encode(x)


def test_training_lends_modules_a_generator_from_its_start(rows):
    dae = DenoisingAutoencoder(Noisy, noise=None, max_epochs=1, random_state=0).fit(rows)
    state = torch.get_rng_state()
    dae.partial_fit(rows)
    assert torch.equal(torch.get_rng_state(), state)


def test_the_noise_of_validation_is_the_same_in_every_epoch(images):
    """With a rate of almost zero, only the noise could move the validation loss."""
    dae = DenseDAE(noise=GaussianNoise(0.5), early_stopping=True, lr=1e-30, max_epochs=5)
    dae.set_params(optimizer="sgd", random_state=0).fit(images)
    assert len(set(dae.validation_loss_curve_)) == 1
    assert len(set(dae.loss_curve_)) == 5  # while that of training is fresh
