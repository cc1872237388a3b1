"""The training room on its own: schedules, batches, inference, state."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from skdae.nn import ConvAutoencoder
from skdae.training import Batches, from_arrays, in_chunks, load_module_arrays, to_arrays
from skdae.training import module_arrays as arrays_of
from skdae.training._inference import chunk_size
from skdae.training._schedules import one_cycle


@pytest.mark.parametrize("n_steps", [10, 101, 2500])
def test_one_cycle_is_that_of_torch(n_steps):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))])
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.3, total_steps=n_steps)
    expected = []
    for _ in range(n_steps):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    np.testing.assert_allclose(list(one_cycle(0.3, n_steps)), expected, rtol=1e-6)


@pytest.mark.parametrize("n_steps", [1, 2, 3, 4])
def test_one_cycle_of_few_steps(n_steps):
    rates = list(one_cycle(1.0, n_steps))
    assert len(rates) == n_steps
    assert all(0 < rate <= 1 for rate in rates)


# ---------------------------------------------------------------- batches
def add_one(rows, generator):
    return rows + 1


def batches(n=10, **settings):
    rows = torch.arange(3.0 * n).reshape(n, 3)
    settings = {
        "target": None,
        "indices": torch.arange(n),
        "sample_shape": (3,),
        "batch_size": 4,
        "noise": None,
        **settings,
    }
    return Batches(rows, **settings)


def test_an_epoch_is_every_row_once_in_a_new_order():
    data = batches(generator=torch.Generator().manual_seed(0))
    epochs = [torch.cat([x for x, _ in data])[:, 0] for _ in range(2)]
    for epoch in epochs:
        assert sorted(epoch.tolist()) == [3.0 * i for i in range(10)]
    assert not torch.equal(*epochs)


def test_only_the_chosen_rows():
    data = batches(indices=torch.tensor([1, 5]), seed=0)
    (batch,) = list(data)
    assert batch[0][:, 0].tolist() == [3.0, 15.0]
    assert len(data) == 2


def test_noise_is_on_the_input_and_not_on_the_target():
    for x, target in batches(noise=add_one, generator=torch.Generator()):
        assert torch.equal(x, target + 1)


def test_a_target_of_its_own_keeps_step_with_the_rows():
    for x, target in batches(target=-torch.arange(30.0).reshape(10, 3), seed=1):
        assert torch.equal(target, -x)


def test_fixed_batches_have_the_same_noise_at_every_pass():
    def noise(rows, generator):
        return rows + torch.rand(rows.shape, generator=generator)

    data = batches(noise=noise, seed=3)
    first, second = ([x for x, _ in data] for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(
    ("n", "sizes"), [(1, [1]), (4, [4]), (5, [5]), (6, [4, 2]), (9, [4, 5]), (12, [4, 4, 4])]
)
def test_no_batch_of_one_row_but_the_only_one(n, sizes):
    assert [len(x) for x, _ in batches(n, seed=0)] == sizes


def test_rows_stay_uint8_until_their_batch():
    rows = torch.full((6, 3), 255, dtype=torch.uint8)
    settings = {"indices": torch.arange(6), "sample_shape": (3,), "batch_size": 2, "seed": 0}
    data = Batches(rows, None, noise=None, **settings)
    for x, _ in data:
        assert x.dtype == torch.float32
        assert torch.equal(x, torch.ones(2, 3))
    assert data.rows is rows


def test_a_single_item_is_clean():
    x, target = batches(noise=add_one, generator=torch.Generator())[2]
    assert torch.equal(x, target)
    assert x.tolist() == [6.0, 7.0, 8.0]


# ---------------------------------------------------------------- inference
@pytest.mark.parametrize("n_rows", [1, 63, 64, 65, 200])
def test_chunks_are_put_together_in_order(n_rows):
    rows = np.random.default_rng(0).random((n_rows, 5), dtype=np.float32)
    sizes = set()

    def double(x):
        sizes.add(len(x))
        return x.mul_(2)

    doubled = in_chunks(double, rows, torch.device("cpu"), width=5)
    np.testing.assert_array_equal(doubled, 2 * rows)
    assert sizes == {chunk_size(5)}


def test_large_rows_come_in_small_chunks():
    assert chunk_size(10) == 64
    assert chunk_size(2000 * 2000) == 1
    assert chunk_size(2**30) == 1


# ---------------------------------------------------------------- state
def test_state_goes_to_arrays_and_back():
    module = ConvAutoencoder((3, 8, 8)).to(memory_format=torch.channels_last)
    arrays = arrays_of(module)
    assert all(type(array) is np.ndarray and array.flags.c_contiguous for array in arrays.values())
    other = ConvAutoencoder((3, 8, 8))
    load_module_arrays(other, arrays, "test")
    for name, value in other.state_dict().items():
        assert torch.equal(value, module.state_dict()[name])


def test_arrays_own_their_memory():
    module = nn.Linear(2, 2)
    arrays = arrays_of(module)
    before = copy.deepcopy(arrays)
    with torch.no_grad():
        module.weight.fill_(7)
    np.testing.assert_array_equal(arrays["weight"], before["weight"])


def test_an_optimizer_continues_from_its_arrays():
    def make():
        torch.manual_seed(0)
        module = nn.Linear(3, 3)
        return module, torch.optim.AdamW(module.parameters(), lr=0.1)

    def steps(module, optimizer, n):
        for _ in range(n):
            optimizer.zero_grad()
            (module(torch.ones(1, 3)) ** 2).sum().backward()
            optimizer.step()

    straight, optimizer = make()
    steps(straight, optimizer, 5)
    first, optimizer = make()
    steps(first, optimizer, 2)
    state = to_arrays(optimizer.state_dict())
    second, optimizer = make()
    load_module_arrays(second, arrays_of(first), "test")
    optimizer.load_state_dict(from_arrays(state))
    steps(second, optimizer, 3)
    assert torch.equal(second.weight, straight.weight)
