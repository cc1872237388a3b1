"""The Muon optimizer: orthogonal steps, against SVD and against its own formula."""

import math
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from skdae import DenseDAE, UNetDAE
from skdae.training import from_arrays, to_arrays
from skdae.training._muon import Muon, orthogonal

# What five iterations make of singular values between 0.01 and 1 of the Frobenius norm.
LEAST, MOST = 0.68, 1.21


def matrices(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float32)


def nearest_orthogonal(matrix):
    """Return U V^T of the singular value decomposition, the nearest matrix of ones."""
    u, _, v = np.linalg.svd(matrix.double().numpy(), full_matrices=False)
    return u @ v


def iterated(matrix):
    """Apply the quintic iteration to the singular values alone, which is what it is."""
    u, s, v = np.linalg.svd(matrix.double().numpy(), full_matrices=False)
    s = s / np.sqrt((s**2).sum(axis=-1, keepdims=True))
    for _ in range(5):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return (u * s[..., None, :]) @ v


def of_condition(rows, columns, smallest, seed=0):
    """Return a matrix whose singular values go from 1 down to ``smallest``."""
    u, _, v = torch.linalg.svd(matrices(rows, columns, seed=seed), full_matrices=False)
    return (u * torch.logspace(0, math.log10(smallest), min(rows, columns))) @ v


# ---------------------------------------------------------------- orthogonal
@pytest.mark.parametrize(
    "shape", [(1, 64, 16), (1, 16, 64), (4, 32, 8), (4, 64, 576), (2, 9, 1), (2, 1, 9), (3, 1, 1)]
)
@pytest.mark.parametrize("scale", [1e12, 1.0, 1e-10])
def test_singular_values_become_ones(shape, scale):
    result = orthogonal(scale * matrices(*shape))
    assert result.shape == shape
    values = torch.linalg.svdvals(result.double())
    assert LEAST < values.min()
    assert values.max() < MOST


@pytest.mark.parametrize(("rows", "columns"), [(40, 40), (40, 100), (100, 40)])
def test_singular_values_of_a_hundredth_become_ones_too(rows, columns):
    values = torch.linalg.svdvals(orthogonal(of_condition(rows, columns, 0.03)[None])[0])
    assert LEAST < values.min()
    assert values.max() < MOST
    smaller = torch.linalg.svdvals(orthogonal(of_condition(rows, columns, 1e-4)[None])[0])
    assert smaller.min() < 0.1  # five iterations are no more than five
    assert smaller.max() < MOST


@pytest.mark.parametrize("shape", [(2, 30, 30), (2, 12, 50), (2, 50, 12)])
def test_singular_vectors_stay(shape):
    x = matrices(*shape)
    result = orthogonal(x).double().numpy()
    np.testing.assert_allclose(result, iterated(x), atol=2e-5)
    # U^T result V is diagonal: the direction is that of U V^T, only the lengths are not all 1.
    target = nearest_orthogonal(x)
    product = result @ target.mT
    np.testing.assert_allclose(product, product.mT, atol=2e-5)
    assert np.linalg.eigvalsh(product).min() > -1e-5


def test_matrices_of_a_stack_do_not_mix():
    x = matrices(5, 12, 20)
    x[2] *= 1e3
    alone = torch.cat([orthogonal(part[None]) for part in x])
    torch.testing.assert_close(orthogonal(x), alone, atol=1e-5, rtol=0)


def test_the_scale_does_not_matter():
    x = matrices(2, 12, 20)
    torch.testing.assert_close(orthogonal(1e-6 * x), orthogonal(x), atol=1e-5, rtol=0)


@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 4, 30), (2, 30, 4)])
def test_gradients_of_nothing_give_no_step(shape):
    assert torch.equal(orthogonal(torch.zeros(shape)), torch.zeros(shape))
    tiny = orthogonal(1e-20 * matrices(*shape))
    assert tiny.isfinite().all()
    assert tiny.abs().max() < 1e-3


# ---------------------------------------------------------------- the step
def steps_by_numpy(weight, gradients, *, lr, momentum, update):
    """Follow the formula of the docstring, with another function in place of orthogonal."""
    weight, mean = weight.double().numpy().copy(), np.zeros(weight.shape)
    for gradient in gradients:
        gradient = gradient.double().numpy()
        mean = momentum * mean + (1 - momentum) * gradient
        weight -= lr * update(momentum * mean + (1 - momentum) * gradient)
    return weight


def steps(parameters, gradients, **settings):
    optimizer = Muon(parameters, **settings)
    for several in zip(*gradients, strict=True):
        for parameter, gradient in zip(parameters, several, strict=True):
            parameter.grad = gradient.clone()
        optimizer.step()
    return optimizer


def as_matrix_step(ahead):
    """Return the update of a weight with its trailing axes flattened: sqrt(rows/columns)·U."""
    matrix = ahead.reshape(len(ahead), -1)
    scale = math.sqrt(max(1, matrix.shape[0] / matrix.shape[1]))
    return (scale * iterated(torch.from_numpy(matrix))).reshape(ahead.shape)


def as_vector_step(ahead):
    return 0.2 * ahead / np.sqrt((ahead**2).mean())


@pytest.mark.parametrize(
    ("shape", "update"),
    [
        ((12, 12), as_matrix_step),
        ((30, 7), as_matrix_step),
        ((7, 30), as_matrix_step),
        ((6, 5, 3), as_matrix_step),
        ((40, 2, 3, 3), as_matrix_step),
        ((9,), as_vector_step),
        ((1,), as_vector_step),
    ],
)
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_steps_are_those_of_the_formula(shape, update, momentum):
    weight, gradients = matrices(*shape), [matrices(*shape, seed=seed) for seed in (1, 2, 3)]
    parameter = nn.Parameter(weight.clone())
    steps([parameter], [gradients], lr=0.1, momentum=momentum)
    expected = steps_by_numpy(weight, gradients, lr=0.1, momentum=momentum, update=update)
    np.testing.assert_allclose(parameter.detach(), expected, atol=2e-5)


def test_a_step_is_near_that_of_the_polar_factor():
    """In length and direction: what the iterations are for."""
    weight, gradient = torch.zeros(8, 32), matrices(8, 32)
    parameter = nn.Parameter(weight.clone())
    steps([parameter], [[gradient]], lr=1.0)
    step, ideal = -parameter.detach().numpy(), nearest_orthogonal(gradient)
    cosine = (step * ideal).sum() / np.linalg.norm(step) / np.linalg.norm(ideal)
    assert cosine > 0.98
    assert LEAST < np.linalg.norm(step, 2) < MOST


def test_weights_of_one_shape_move_as_if_each_were_alone():
    shapes = [(6, 4), (6, 4), (4, 6), (6,), (6,), (4, 3, 2), (6, 4)]
    weights = [matrices(*shape, seed=seed) for seed, shape in enumerate(shapes)]
    gradients = [
        [10.0**seed * matrices(*shape, seed=10 * seed + step) for step in range(2)]
        for seed, shape in enumerate(shapes)
    ]
    together = [nn.Parameter(weight.clone()) for weight in weights]
    steps(together, gradients, lr=0.1)
    for weight, gradient, parameter in zip(weights, gradients, together, strict=True):
        alone = nn.Parameter(weight.clone())
        steps([alone], [gradient], lr=0.1)
        torch.testing.assert_close(parameter, alone, atol=1e-6, rtol=1e-6)


def test_a_weight_without_gradient_stays():
    moved, still = nn.Parameter(matrices(3, 3)), nn.Parameter(matrices(3, 3))
    before = still.detach().clone()
    optimizer = Muon([still, moved])
    moved.grad = matrices(3, 3, seed=1)
    optimizer.step()
    assert torch.equal(still, before)
    assert not torch.equal(moved, before)
    assert list(optimizer.state) == [moved]


def test_a_parameter_without_axes_moves_as_a_vector_of_one():
    scalar, vector = nn.Parameter(torch.tensor(2.0)), nn.Parameter(torch.tensor([2.0]))
    steps([scalar], [[torch.tensor(5.0)]], lr=0.1)
    steps([vector], [[torch.tensor([5.0])]], lr=0.1)
    assert scalar.item() == vector.item() == pytest.approx(2 - 0.02)


def test_groups_have_rates_of_their_own():
    slow, fast = nn.Parameter(torch.zeros(4, 4)), nn.Parameter(torch.zeros(4, 4))
    optimizer = Muon([{"params": [slow], "lr": 0.01}, {"params": [fast]}], lr=0.1)
    slow.grad, fast.grad = matrices(4, 4), matrices(4, 4)
    optimizer.step()
    torch.testing.assert_close(fast, 10 * slow)


def test_a_closure_is_called_with_gradients_and_its_loss_returned():
    parameter = nn.Parameter(torch.full((2, 2), 3.0))
    optimizer = Muon([parameter])

    def closure():
        loss = (parameter**2).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 36
    assert (parameter < 3).any()


@pytest.mark.parametrize("shape", [(6, 4), (6,)])
def test_a_rate_as_a_tensor_does_the_same(shape):
    gradients = [matrices(*shape, seed=seed) for seed in (1, 2)]
    by_float, by_tensor = (nn.Parameter(matrices(*shape)) for _ in range(2))
    steps([by_float], [gradients], lr=0.125)
    steps([by_tensor], [gradients], lr=torch.tensor(0.125))
    assert torch.equal(by_float, by_tensor)


# ---------------------------------------------------------------- what it is good for
def error_after(n_steps, make, lr):
    """Fit an ill-conditioned linear map, with the rate falling to zero."""
    inputs = of_condition(12, 12, 0.03, seed=1)  # the squares have a condition of 1,100
    target = matrices(12, 12, seed=2)
    weight = nn.Parameter(torch.zeros(12, 12))
    optimizer = make([weight], lr=lr)
    for step in range(n_steps):
        optimizer.param_groups[0]["lr"] = lr * (1 - step / n_steps)
        optimizer.zero_grad()
        (((weight - target) @ inputs) ** 2).sum().backward()
        optimizer.step()
    return ((weight - target) ** 2).mean().item()


def momentum(params, lr):
    return torch.optim.SGD(params, lr=lr, momentum=0.9)


def test_it_learns_directions_of_small_gradients_as_fast_as_the_others():
    rates = [0.1, 0.3, 0.9]
    others = (torch.optim.SGD, momentum)
    best = min(error_after(150, make, lr) for make in others for lr in rates)
    assert min(error_after(150, Muon, lr) for lr in rates) < 0.02 * best


# ---------------------------------------------------------------- state
def test_it_goes_on_from_its_state_as_without_a_stop():
    shapes = [(6, 4), (6, 4), (8, 2, 3, 3), (6,)]
    gradients = [[matrices(*shape, seed=seed) for seed in range(4)] for shape in shapes]

    def take(optimizer, parameters, several):
        for step in several:
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.grad = gradient[step].clone()
            optimizer.step()

    straight = [nn.Parameter(matrices(*shape)) for shape in shapes]
    take(Muon(straight, lr=0.1), straight, range(4))

    first = [nn.Parameter(matrices(*shape)) for shape in shapes]
    optimizer = Muon(first, lr=0.1)
    take(optimizer, first, range(2))
    state = pickle.loads(pickle.dumps(to_arrays(optimizer.state_dict())))
    second = [nn.Parameter(parameter.detach().clone()) for parameter in first]
    optimizer = Muon(second, lr=77.0, momentum=0.0)  # of the state too
    optimizer.load_state_dict(from_arrays(state))
    take(optimizer, second, range(2, 4))
    for a, b in zip(straight, second, strict=True):
        assert torch.equal(a, b)


def test_it_is_one_of_the_optimizers_by_name():
    X = np.random.default_rng(0).random((40, 4, 4))
    dae = DenseDAE(noise="gaussian", optimizer="muon", lr=0.03, max_epochs=5).fit(X)
    assert type(dae.net_.optimizer_) is Muon
    assert 0 < dae.net_.optimizer_.param_groups[0]["lr"] < 1e-3  # the schedule has moved it
    unet = UNetDAE((4,), n_blocks=1, noise="gaussian", max_epochs=1).fit(X)
    assert type(unet.net_.optimizer_) is Muon
