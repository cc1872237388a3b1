"""The training room on its own: schedules, batches, inference, state."""

import copy
import threading
from collections import Counter
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from torch import nn

from skdae.data import Batch
from skdae.inference import _apply, _chunks
from skdae.inference._chunks import chunk_size
from skdae.inference._computation import Computation
from skdae.nn import ConvAutoencoder, DenseAutoencoder
from skdae.training import (
    OPTIMIZERS,
    Batches,
    from_arrays,
    load_module_arrays,
    to_arrays,
)
from skdae.training import module_arrays as arrays_of
from skdae.training._schedules import one_cycle, set_rate


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


@pytest.mark.parametrize("lr", [0.3, 0.005])
def test_groups_keep_their_ratio_to_the_rate(lr):
    a, b = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([{"params": [a], "lr": 0.5}, {"params": [b]}], lr=0.25)
    optimizer.param_groups[1]["lr"] = torch.tensor(0.25)
    set_rate(optimizer, lr, [2.0, 1.0])
    first, second = (group["lr"] for group in optimizer.param_groups)
    assert (first, second.item()) == (2 * lr, pytest.approx(lr))


# ---------------------------------------------------------------- optimizers
def steps_of(name, gradients, lr):
    """Return a weight of 1 after steps with these gradients."""
    weight = nn.Parameter(torch.ones(1, dtype=torch.float64))
    optimizer = OPTIMIZERS[name]([weight], lr)
    for gradient in gradients:
        weight.grad = torch.full_like(weight, gradient)
        optimizer.step()
    return weight.item()


@pytest.mark.parametrize(("name", "decay"), [("adamw", 1e-4), ("adam", 0), ("muon", 0), ("sgd", 0)])
def test_weights_decay_as_documented(name, decay):
    assert steps_of(name, [0.0], lr=0.5) == pytest.approx(1 - 0.5 * decay, abs=1e-12)


def test_sgd_has_nesterov_momentum():
    """The momentum is 1, then 1.9; each step goes by the gradient and 0.9 of it."""
    assert steps_of("sgd", [1.0, 1.0], lr=0.1) == pytest.approx(1 - 0.1 * (1.9 + 2.71))


# ---------------------------------------------------------------- batches
def corrupting(noise):
    return lambda rows, target, shape, generator: (noise(rows, generator), target)


@corrupting
def add_one(rows, generator):
    return rows + 1


def batches(n=10, **settings):
    rows = torch.arange(3.0 * n).reshape(n, 3)
    settings = {
        "target": None,
        "indices": torch.arange(n),
        "sample_shape": (3,),
        "batch_size": 4,
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
    for x, target in batches(make_batch=add_one, generator=torch.Generator()):
        assert torch.equal(x, target + 1)


def test_a_target_of_its_own_keeps_step_with_the_rows():
    for x, target in batches(target=-torch.arange(30.0).reshape(10, 3), seed=1):
        assert torch.equal(target, -x)


def test_fixed_batches_have_the_same_noise_at_every_pass():
    @corrupting
    def noise(rows, generator):
        return rows + torch.rand(rows.shape, generator=generator)

    data = batches(make_batch=noise, seed=3)
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
    data = Batches(rows, None, **settings)
    for x, _ in data:
        assert x.dtype == torch.float32
        assert torch.equal(x, torch.ones(2, 3))
    assert data.rows is rows


def test_a_single_item_is_clean():
    x, target = batches(make_batch=add_one, generator=torch.Generator())[2]
    assert torch.equal(x, target)
    assert x.tolist() == [6.0, 7.0, 8.0]


def test_rows_elsewhere_travel_batch_by_batch():
    """The device "meta" knows shapes and types alone, which is enough to see where things are."""
    meta = torch.device("meta")
    rows = torch.zeros(10, 3, dtype=torch.uint8)
    seen = []

    @corrupting
    def noise(x, generator):
        seen.append((x.device.type, x.dtype, len(x), generator))
        return x

    settings = {"indices": torch.arange(10), "sample_shape": (3,), "batch_size": 4}
    generator = torch.Generator()
    data = Batches(rows, rows, make_batch=noise, device=meta, generator=generator, **settings)
    for x, target in data:
        for part in (x, target):
            assert part.device == meta
            assert part.dtype == torch.float32
            assert part.shape[1:] == (3,)
    assert seen == [("meta", torch.float32, n, generator) for n in (4, 4, 2)]
    assert data.rows is rows
    assert rows.device.type == "cpu"


def test_rows_that_travel_come_in_the_order_of_those_that_do_not():
    def order(device):
        generator = torch.Generator().manual_seed(0)
        return torch.cat(list(batches(device=device, generator=generator).choices())).tolist()

    assert order(torch.device("meta")) == order(None)
    assert sorted(order(None)) == list(range(10))


@pytest.mark.parametrize(
    ("device", "repeatable", "is_so"),
    [(None, False, False), (None, True, True), ("cpu", True, True), ("meta", True, False)],
)
def test_batches_are_repeatable_where_the_rows_are(device, repeatable, is_so):
    device = device and torch.device(device)
    assert batches(device=device, repeatable=repeatable).repeatable is is_so
    assert batches().repeatable is False


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.uint16])
def test_rows_on_the_host_arrive_as_they_are(dtype):
    gpu = torch.device("cuda", torch.cuda.current_device())
    numbers = np.arange(30).reshape(10, 3).astype(dtype)
    rows, target = torch.from_numpy(numbers), torch.from_numpy(numbers[::-1].copy())
    indices = torch.arange(10)
    settings = {"sample_shape": (3,), "batch_size": 4, "seed": 0}
    from_host = Batches(rows, target, indices=indices, device=gpu, **settings)
    from_gpu = Batches(rows.to(gpu), target.to(gpu), indices=indices.to(gpu), **settings)
    for host, there in zip(from_host, from_gpu, strict=True):
        for part, same in zip(host, there, strict=True):
            assert part.device == gpu
            assert torch.equal(part, same)


# ---------------------------------------------------------------- inference
CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)


class Doubling(nn.Module):
    """Doubles rows in place, and notes how many came and on which thread."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, x):
        self.seen.append((len(x), threading.get_ident(), torch.get_num_threads()))
        return x.mul_(2)


@contextmanager
def n_threads(number):
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    yield
    torch.set_num_threads(before)


def doubled(module, rows, size):
    result = torch.empty(rows.shape)
    jobs = _chunks.in_chunks("denoise", Batch(rows, (5,)), result, module, CPU, size=size)
    _apply._run(jobs, Computation(module, None), CPU, 0)
    return result


@pytest.mark.parametrize("n_rows", [1, 63, 64, 65, 200])
def test_chunks_are_put_together_in_order(n_rows):
    rows = np.random.default_rng(0).random((n_rows, 5), dtype=np.float32)
    before, module = rows.copy(), Doubling()
    np.testing.assert_array_equal(doubled(module, rows, 64), 2 * before)
    np.testing.assert_array_equal(rows, before)
    with n_threads(1):
        np.testing.assert_array_equal(doubled(module, rows, 64), 2 * before)
    assert {(size, threads) for size, _, threads in module.seen} == {(64, 1)}


def test_each_thread_has_a_module_of_its_own_where_it_is_not_ours():
    rows = np.zeros((40, 5), dtype=np.float32)
    module = Doubling()
    with n_threads(2):
        doubled(module, rows, 1)
        assert not module.seen, "copies should have been called"
    with n_threads(1):
        doubled(module, rows, 1)
    assert len(module.seen) == 40
    assert threading.get_ident() not in {thread for _, thread, _ in module.seen}


class Uncopied(Doubling):
    def __deepcopy__(self, memo):
        raise TypeError("mine alone")


def test_a_module_that_cannot_be_copied_works_on_one_thread():
    module = Uncopied()
    with n_threads(2):
        doubled(module, np.zeros((40, 5), dtype=np.float32), 1)
    assert len(module.seen) == 40
    assert len({thread for _, thread, _ in module.seen}) == 1


def test_copies_for_threads_share_their_weights():
    module = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    with n_threads(2):
        first, second = Computation(module, None).for_threads(2)
    assert first.module is not second.module
    for name, value in module.state_dict(keep_vars=True).items():
        assert first.module.state_dict(keep_vars=True)[name] is value
        assert second.module.state_dict(keep_vars=True)[name] is value


def test_an_error_in_a_chunk_ends_the_others():
    class Failing(Doubling):
        def forward(self, x):
            super().forward(x)
            raise ZeroDivisionError("mine")

    module = Failing()
    with n_threads(1), pytest.raises(ZeroDivisionError, match="mine"):
        doubled(module, np.zeros((40, 5), dtype=np.float32), 1)
    assert len(module.seen) == 1


def test_chunks_keep_to_the_work_of_the_module():
    small, large = DenseAutoencoder((20,), latent_dim=16), DenseAutoencoder((3000,), latent_dim=500)
    assert chunk_size(small, (20,), CPU) == 2048
    assert chunk_size(large, (3000,), CPU) == 64
    assert chunk_size(large, (2**18,), CPU) == 2
    assert chunk_size(large, (2**30,), CPU) == 1
    assert chunk_size(small, (20,), GPU) == 2**16
    assert chunk_size(large, (3000,), GPU) == 1024


def test_images_come_in_chunks_of_pixels():
    module = ConvAutoencoder((1, 28, 28))
    assert chunk_size(module, (28, 28, 1), CPU) == 64
    assert chunk_size(module, (50, 50, 1), CPU) == 16
    assert chunk_size(module, (2**15, 2**15, 1), CPU) == 1
    assert chunk_size(module, (28, 28, 1), GPU) == 1024
    assert chunk_size(module, (2**15, 2**15, 1), GPU) == 1


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


@pytest.mark.parametrize(("alike", "sizes"), [(True, {512: 2, 64: 2}), (False, {64: 18})])
def test_many_rows_of_dense_nets_come_in_larger_chunks(alike, sizes, monkeypatch):
    asked = []
    monkeypatch.setattr(_chunks, "_rows_are_alike", lambda *side: asked.append(side) or alike)
    rows = np.random.default_rng(0).random((1100, 5), dtype=np.float32)
    module = DenseAutoencoder((5,), hidden_layer_sizes=(4,), latent_dim=2)
    seen = []
    monkeypatch.setattr(
        DenseAutoencoder,
        "decode",
        lambda self, code: seen.append(len(code)) or code @ torch.ones(2, 5),
    )
    results = doubled(module, rows, 64)
    assert dict(Counter(seen)) == sizes
    assert asked[0] == (5, 4, 64)
    few = doubled(module, rows[:1000], 64)
    assert torch.equal(few, results[:1000])
    assert set(seen[sum(sizes.values()) :]) == {64}


def test_only_dense_nets_of_ours_come_in_larger_chunks():
    assert _chunks._sides_of_products(DenseAutoencoder((5,), latent_dim=2)) == [(5, 2), (2, 5)]
    assert _chunks._sides_of_products(ConvAutoencoder((1, 8, 8))) == []
    assert _chunks._sides_of_products(nn.Sequential(nn.Linear(3, 3))) == []


@pytest.mark.parametrize("side", [(784, 256), (32, 256), (7, 1), (1, 7)])
def test_rows_of_a_product_are_alike_on_one_thread(side):
    assert _chunks._rows_are_alike(*side, 128) in (True, False)
    with monkeypatched_linear():
        _chunks._rows_are_alike.cache_clear()
        assert not _chunks._rows_are_alike(*side, 128)
    _chunks._rows_are_alike.cache_clear()


@contextmanager
def monkeypatched_linear():
    """Let products depend on the number of rows, as those of several threads do."""
    linear = _chunks.F.linear
    _chunks.F.linear = lambda x, **kwargs: linear(x, **kwargs) + 2**-20 * (len(x) > 128)
    yield
    _chunks.F.linear = linear
