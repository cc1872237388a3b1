"""The parts of a training on several processes, in one: shares, averages, who takes part."""

from __future__ import annotations

import contextlib

import joblib
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skorch.callbacks import EpochScoring
from torch import nn

import skdae
from shared_fits import TABLE
from skdae import GaussianNoise
from skdae.noise import NoiseInjector
from skdae.training import Batches, _distributed
from skdae.training._distributed import (
    ManyProcesses,
    OneProcess,
    checksum,
    local_rank,
    processes,
    several_processes,
    share,
)
from skdae.training._skorch import _remedy


class Exchange:
    """The link of one of several processes that are played one after the other."""

    def __init__(self, rank, size, sums=None):
        self.rank, self.size = rank, size
        self.sums = sums
        self.sent = None

    def summed(self, flat):
        self.sent = flat.clone()
        return flat if self.sums is None else self.sums.clone()


@given(n_rows=st.integers(1, 300), size=st.integers(1, 9))
def test_shares_cover_a_batch_once(n_rows, size):
    shares = [share(n_rows, rank, size) for rank in range(size)]
    own = [rows for rows, weight in shares if weight > 0]
    assert [row for rows in own for row in range(rows.start, rows.stop)] == list(range(n_rows))
    assert sum(weight for _, weight in shares) == pytest.approx(1)
    lengths = [rows.stop - rows.start for rows, _ in shares]
    assert min(lengths) >= min(2, n_rows)
    assert max(lengths) - min(lengths) <= 1
    for rows, weight in shares:
        assert weight in (0, (rows.stop - rows.start) / n_rows)


def batches_of(noise: NoiseInjector | None, **source: object) -> Batches:
    rows = torch.from_numpy(TABLE)

    def make_batch(rows, target, sample_shape, generator):
        return rows if noise is None else noise._corrupt_batch(rows, generator), target

    return Batches(
        rows,
        None,
        indices=torch.arange(len(rows)),
        sample_shape=(20,),
        batch_size=50,
        make_batch=make_batch,
        **source,
    )


def passes(size, n_passes=1, noise=None, **source):
    """Return the shares of every process, pass by pass."""
    shares = []
    for rank in range(size):
        if "seed" not in source:
            source["generator"] = torch.Generator().manual_seed(0)
        batches = batches_of(noise, **source)
        member = ManyProcesses(Exchange(rank, size))
        member._module = nn.Linear(2, 2)
        member._noise = torch.Generator().manual_seed(member.own_seed(0))
        shares.append([list(member.shares(batches)) for _ in range(n_passes)])
    return shares


def test_the_order_is_that_of_one_process():
    alone = batches_of(None, generator=torch.Generator().manual_seed(0))
    shares = passes(3, n_passes=2)
    for epoch in range(2):
        whole = [batch for batch, *_ in alone]
        for step, expected in enumerate(whole):
            parts = [shares[rank][epoch][step] for rank in range(3)]
            own = [rank for rank in range(3) if share(len(expected), rank, 3)[1] > 0]
            assert torch.equal(torch.cat([parts[rank][0][0] for rank in own]), expected)
            assert [n_rows for _, n_rows in parts] == [len(expected)] * 3
    assert len(own) == 1  # the last batch has 3 rows


@pytest.mark.parametrize("source", [{}, {"seed": 3}])
def test_the_noise_of_the_processes_is_independent(source):
    sigma = 0.5
    shares = passes(2, noise=GaussianNoise(sigma), **source)
    drawn = [torch.cat([batch[0] - batch[1] for batch, _ in rank[0]]) for rank in shares]
    n = min(len(part) for part in drawn)
    first, second = (part[:n].flatten() / sigma for part in drawn)
    n_values = len(first)
    for part in (first, second):
        assert abs(part.mean()) < 4 / n_values**0.5
        assert abs(part.square().mean() - 1) < 4 * (2 / n_values) ** 0.5
    assert abs((first * second).mean()) < 4 / n_values**0.5


def test_validation_has_the_same_noise_at_every_pass():
    for of_rank in passes(2, n_passes=2, noise=GaussianNoise(0.5), seed=3):
        first, second = of_rank
        assert all(torch.equal(a[0], b[0]) for (a, _), (b, _) in zip(first, second, strict=True))


def test_a_whole_pass_gives_all_rows_to_all():
    batches = batches_of(GaussianNoise(0.5), seed=3)
    for rank in range(2):
        member = ManyProcesses(Exchange(rank, 2))
        pairs = zip(member.shares(batches, whole=True), batches, strict=True)
        assert all(torch.equal(batch[0], alone[0]) for (batch, _), alone in pairs)
        assert member._weight == 0.5


def averages(losses, weights):
    """Average over processes with modules of their own: once to see what is sent, once for all."""
    sent = []
    for loss, weight in zip(losses, weights, strict=True):
        member = ManyProcesses(Exchange(len(sent), len(losses)))
        member._weight = weight
        module, value = loss()
        value.backward()
        member.averaged(value.detach(), module.parameters())
        sent.append(member.link.sent)
    results = []
    for loss, weight in zip(losses, weights, strict=True):
        member = ManyProcesses(Exchange(len(results), len(losses), sums=sum(sent)))
        member._weight = weight
        module, value = loss()
        value.backward()
        results.append((member.averaged(value.detach(), module.parameters()), module))
    return results


class Two(nn.Module):
    """Layers of which a step may use one."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(2, 3, 3), nn.Linear(2, 2), nn.Linear(1, 1)
        self.c.weight.requires_grad_(False)
        for parameter in self.parameters():
            nn.init.constant_(parameter, 0.5)
        self.to(memory_format=torch.channels_last)


def test_gradients_are_those_of_the_whole_batch():
    x = torch.rand(5, 2, 4, 4, generator=torch.Generator().manual_seed(0))

    def loss_of(rows):
        module = Two()
        return module, module.a(rows).square().mean()

    module, expected = loss_of(x)
    expected.backward()
    parts = [lambda: loss_of(x[:3]), lambda: loss_of(x[3:])]
    for loss, shared in averages(parts, [0.6, 0.4]):
        torch.testing.assert_close(loss, expected.detach())
        torch.testing.assert_close(shared.a.weight.grad, module.a.weight.grad)
        assert shared.a.weight.grad.stride() == module.a.weight.grad.stride()
        assert shared.b.weight.grad is None  # nobody used it: no weight decay
        assert shared.c.weight.grad is None  # frozen


def test_a_weight_that_one_process_used_moves_in_all():
    def uses_b():
        module = Two()
        return module, module.b(torch.ones(1, 2)).sum()

    def uses_a():
        module = Two()
        return module, module.a(torch.ones(1, 2, 3, 3)).sum()

    (_, first), (_, second) = averages([uses_a, uses_b], [0.5, 0.5])
    for name in ("a", "b"):
        gradients = [getattr(module, name).weight.grad for module in (first, second)]
        assert torch.equal(*gradients)
        assert (gradients[0] == 0.5).all()
    assert first.c.bias.grad is None


def test_seeds_differ_by_process_and_seed():
    members = [ManyProcesses(Exchange(rank, 3)) for rank in range(3)]
    seeds = {member.own_seed(seed) for member in members for seed in range(50)}
    assert len(seeds) == 150


def test_without_torchrun_a_fit_is_of_one_process(monkeypatch):
    monkeypatch.setattr(_distributed, "Link", None)
    with several_processes():
        assert type(processes()) is OneProcess
    for name in ("RANK", "WORLD_SIZE"):  # other launchers set these two
        monkeypatch.setenv(name, "2")
    with several_processes():
        assert processes().size == 1
    assert local_rank() is None


@pytest.fixture
def started(monkeypatch):
    """Pretend that torchrun has started this process as the second of two."""
    numbers = {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    for name, value in (numbers | {"TORCHELASTIC_RUN_ID": "none"}).items():
        monkeypatch.setenv(name, value)

    class Pretended:
        rank, size = 1, 2
        closed: list[BaseException | None] = []

        def close(self, error):
            self.closed.append(error)

    Pretended.closed = []
    monkeypatch.setattr(_distributed, "Link", Pretended)
    return Pretended.closed


def test_a_fit_under_torchrun_is_shared_and_left(started):
    with several_processes():
        assert (processes().rank, processes().size) == (1, 2)
    assert processes().size == 1
    assert started == [None]
    error = ValueError("no")
    with contextlib.suppress(ValueError), several_processes():
        raise error
    assert processes().size == 1
    assert started[1] is error


def size_here():
    with several_processes():
        return processes().size


def test_workers_and_threads_share_nothing(started):
    sizes = joblib.Parallel(n_jobs=2, backend="threading")(
        joblib.delayed(size_here)() for _ in "ab"
    )
    assert sizes == [1, 1]
    sizes = joblib.Parallel(n_jobs=2)(joblib.delayed(size_here)() for _ in "ab")
    assert sizes == [1, 1]
    assert started == []


def test_each_process_takes_its_gpu(started, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert skdae.training.resolve_device("auto", "DenseDAE") == torch.device("cuda", 1)
    assert _distributed._backend() == "gloo" or torch.distributed.is_nccl_available()
    monkeypatch.setattr(torch.distributed, "is_nccl_available", lambda: True)
    assert _distributed._backend() == "cpu:gloo,cuda:nccl"
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert skdae.training.resolve_device("cuda", "DenseDAE") == torch.device("cuda", 0)
    assert _distributed._backend() == "gloo"


def test_scores_of_training_batches_are_refused(started):
    scoring = EpochScoring("r2", on_train=True)
    assert _remedy(scoring, "constant", True) is None
    with several_processes():
        assert "on_train=False" in _remedy(scoring, "constant", True)


def test_the_checksum_is_of_the_ends():
    assert checksum(TABLE) == checksum(TABLE.copy())
    assert checksum(TABLE) != checksum(TABLE[1:])
    assert checksum(TABLE) != checksum(TABLE[:-1])
    assert checksum([TABLE[:3], TABLE[3:]]) != checksum([TABLE[:3], TABLE[4:]])
