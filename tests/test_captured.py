"""Training steps that are recorded once on the GPU: when, how, and that nothing else changes.

What the host decides is tested everywhere, with a GPU that is played by this file; the kernels
need a real one.
"""

import gc
import pickle
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.datasets import load_digits
from skorch.callbacks import Callback
from torch import nn

from kinds import INJECTORS
from skdae import (
    ChainNoise,
    ConvDAE,
    DenoisingAutoencoder,
    DenseDAE,
    GaussianNoise,
    OneOfNoise,
    PoissonNoise,
    SwapNoise,
    UNetDAE,
)
from skdae.nn import DenseAutoencoder
from skdae.training import OPTIMIZERS
from skdae.training._captured import CapturedStep

X = (load_digits().images[:300] / 16).astype(np.float32)


# ---------------------------------------------------------------- a GPU to play with
class FakeGraph:
    """Replay by calling what it has recorded."""

    def __init__(self):
        self.generators, self.replays = [], 0

    def register_generator_state(self, generator):
        self.generators.append(generator)

    def replay(self):
        self.replays += 1
        self.recorded()


class FakeCuda:
    """Record a step instead of running it, as a capture does, and say what happened."""

    def __init__(self):
        self.recording, self.captures, self.fails = None, [], False

    @contextmanager
    def graph(self, graph, stream, capture_error_mode):
        assert graph.generators, "the generator must be known before the capture"
        self.captures.append(graph)
        self.recording = graph
        try:
            yield
            if self.fails:
                raise RuntimeError("operation not permitted when stream is capturing")
        finally:
            self.recording = None

    def recordable(self, step):
        def run_or_record(chosen):
            if self.recording is None:
                step(chosen)
            else:
                self.recording.recorded = lambda: step(chosen)

        return run_or_record


@pytest.fixture
def cuda(monkeypatch):
    fake = FakeCuda()
    stream = SimpleNamespace(wait_stream=lambda other: None)
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
    monkeypatch.setattr(torch.cuda, "CUDAGraph", FakeGraph)
    monkeypatch.setattr(torch.cuda, "graph", fake.graph)
    return fake


def captured_step(step, optimizer=None, batch_size=4):
    return CapturedStep(
        step,
        batch_size=batch_size,
        optimizer=optimizer or torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.25),
        generator=torch.Generator(),
        device=torch.device("cpu"),
    )


# ---------------------------------------------------------------- one step after another
BATCHES = [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9], [3, 2, 1, 0], [1, 1, 1, 1], [5], *[[7] * 4] * 3]


@pytest.mark.parametrize("fails", [False, True])
def test_every_batch_is_trained_on_once_and_in_its_order(fails, cuda):
    cuda.fails = fails
    seen = []
    step = captured_step(cuda.recordable(lambda chosen: seen.append(chosen.tolist())))
    for batch in BATCHES:
        step(torch.tensor(batch))
    assert seen == BATCHES


def test_the_first_full_batches_run_as_usual_and_the_rest_are_replayed(cuda):
    step = captured_step(cuda.recordable(lambda chosen: None))
    replays = []
    for batch in BATCHES:
        step(torch.tensor(batch))
        replays.append(step.graph.replays if step.graph else None)
    assert replays == [None, None, None, None, 1, 1, 2, 3, 4]
    assert len(cuda.captures) == 1
    assert step.graph.generators == [step.generator]


def test_what_cannot_be_captured_is_tried_once(cuda):
    cuda.fails = True
    step = captured_step(cuda.recordable(lambda chosen: None))
    for batch in BATCHES:
        step(torch.tensor(batch))
    assert step.graph is None
    assert len(cuda.captures) == 1


@pytest.mark.parametrize("n_before", [0, 3])  # the fourth call is the capture
def test_an_error_of_the_step_itself_gets_through(n_before, cuda):
    calls = []

    def run(chosen):
        calls.append(chosen)
        if len(calls) == n_before + 1:
            raise ValueError("mine")

    step = captured_step(run)
    for _ in range(n_before):
        step(torch.zeros(4))
    with pytest.raises(ValueError, match="mine"):
        step(torch.zeros(4))


def two_groups(kind, **settings):
    a, b = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(3))
    return kind([{"params": [a], "lr": 0.5}, {"params": [b]}], lr=0.25, **settings)


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.SGD])
def test_rates_are_tensors_until_the_release(kind, cuda):
    optimizer = two_groups(kind)
    before = [dict(group) for group in optimizer.param_groups]
    step = captured_step(cuda.recordable(lambda chosen: None), optimizer)
    for group, old in zip(optimizer.param_groups, before, strict=True):
        assert group["lr"].ndim == 0
        assert group["lr"].item() == old["lr"]
        assert group.get("capturable", True)
    for batch in BATCHES:
        step(torch.tensor(batch))
    optimizer.param_groups[0]["lr"].fill_(0.125)
    step.release()
    assert step.graph is None
    assert [group["lr"] for group in optimizer.param_groups] == [0.125, 0.25]
    assert all(type(group["lr"]) is float for group in optimizer.param_groups)
    assert not any(group.get("capturable") for group in optimizer.param_groups)
    assert [group.keys() for group in optimizer.param_groups] == [old.keys() for old in before]


# ---------------------------------------------------------------- in a training
@pytest.fixture
def captured(cuda, monkeypatch):
    """Capture every training on the GPU that is played, and list the steps when released."""
    released = []

    class Recorded(CapturedStep):
        def __init__(self, step, **settings):
            super().__init__(cuda.recordable(step), **settings)

            self.rates = [group["lr"] for group in self.optimizer.param_groups]

        def release(self):
            released.append(self.graph)
            for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
                assert group["lr"] is rate, "a replay reads the tensor that it was captured with"
            super().release()

    monkeypatch.setattr("skdae.training._net.CapturedStep", Recorded)
    monkeypatch.setattr("skdae.training.DenoisingNet._is_worth_capturing", lambda *args: True)
    return released


@pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
@pytest.mark.parametrize("lr_schedule", ["constant", "one_cycle"])
def test_a_captured_training_is_that_without(optimizer, lr_schedule, captured, monkeypatch):
    dae = DenseDAE((8,), noise="gaussian", optimizer=optimizer, lr_schedule=lr_schedule, lr=0.01)
    dae.set_params(max_epochs=4, early_stopping=True, random_state=0)
    by_replay = clone(dae).fit(X)
    assert captured[0].replays > 20
    assert by_replay.net_._captured is None
    monkeypatch.setattr("skdae.training.DenoisingNet._is_worth_capturing", lambda *args: False)
    usual = clone(dae).fit(X)
    assert len(captured) == 1
    np.testing.assert_allclose(by_replay.loss_curve_, usual.loss_curve_, rtol=1e-4)
    np.testing.assert_allclose(by_replay.predict(X), usual.predict(X), atol=1e-4)
    rates = [fit.net_.optimizer_.param_groups[0]["lr"] for fit in (by_replay, usual)]
    assert rates[0] == pytest.approx(rates[1], rel=1e-5)


def test_a_diverging_training_is_released(captured):
    dae = DenseDAE((8,), noise="gaussian", lr=1e6, max_epochs=3, random_state=0)
    kept = {}

    class Keep(Callback):
        def on_train_begin(self, net, **kwargs):
            kept["net"] = net

    with pytest.raises(ValueError, match="diverged"):
        dae.set_params(callbacks=[Keep()]).fit(X)
    assert len(captured) == 1
    assert kept["net"]._captured is None
    assert type(kept["net"].optimizer_.param_groups[0]["lr"]) is float


def test_a_captured_model_is_pickled_and_goes_on(captured):
    dae = UNetDAE((4,), n_blocks=1, noise="gaussian", max_epochs=2, random_state=0)
    dae.set_params(warm_start=True).fit(X)
    loaded = pickle.loads(pickle.dumps(dae))
    np.testing.assert_array_equal(loaded.predict(X), dae.predict(X))
    assert loaded.fit(X).loss_curve_ == dae.fit(X).loss_curve_
    assert len(captured) == 3
    assert dae.partial_fit(X).n_iter_ == 5


# ---------------------------------------------------------------- whether it is worth it
class OfTheUser(DenseAutoencoder):
    pass


def mean_squared(output, target):
    return ((output - target) ** 2).mean()


def sgd(parameters, lr):
    return torch.optim.SGD(parameters, lr=lr)


class SeesBatches(Callback):
    def on_batch_end(self, net, **kwargs):
        pass


class SeesEpochs(Callback):
    def on_epoch_end(self, net, **kwargs):
        pass


@pytest.mark.parametrize(
    ("parameters", "situation", "worth"),
    [
        ({}, {}, True),
        ({}, {"epochs": 9}, False),
        ({}, {"epochs": 1000}, True),
        ({}, {"is_cuda": False}, False),
        ({}, {"repeatable": False}, False),
        ({"loss": "l1"}, {}, True),
        ({"loss": mean_squared}, {}, False),
        ({"optimizer": "muon"}, {}, True),
        ({"optimizer": sgd}, {}, False),
        ({"callbacks": [SeesEpochs()]}, {}, True),
        ({"callbacks": [SeesBatches()]}, {}, False),
        ({"module": OfTheUser}, {}, False),
    ],
)
def test_only_many_equal_steps_on_a_gpu_are_captured(parameters, situation, worth):
    dae = DenoisingAutoencoder(DenseAutoencoder, noise=None, max_epochs=1).set_params(**parameters)
    net = dae.fit(X).net_
    situation = {"epochs": 10, "is_cuda": True, "repeatable": True, **situation}
    net._total = SimpleNamespace(is_cuda=situation["is_cuda"])
    training = SimpleNamespace(starts=range(20), repeatable=situation["repeatable"])
    assert net._is_worth_capturing(training, situation["epochs"]) is worth


class Drift(GaussianNoise):
    """A noise of the user, which may do another thing at every call."""


OF_USER = ("mine", Drift())
OURS = ("ours", SwapNoise())


@pytest.mark.parametrize(
    ("noise", "repeatable"),
    [
        (None, True),
        ("gaussian", True),
        (GaussianNoise((0.1, 0.4)), True),
        (ChainNoise([OURS, ("other", PoissonNoise())]), True),
        (OneOfNoise([OURS, ("chain", ChainNoise([OURS]))]), True),
        (Drift(), False),
        (ChainNoise([OURS, OF_USER]), False),
        (OneOfNoise([OURS, ("chain", ChainNoise([OURS, OF_USER]))]), False),
    ],
    ids=lambda noise: type(noise).__name__,
)
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_only_noises_of_this_package_are_repeatable(noise, repeatable, dtype):
    seen = {}

    class Look(Callback):
        def on_train_begin(self, net, X, **kwargs):
            seen["repeatable"] = X.repeatable

    DenseDAE((4,), noise=noise, max_epochs=1, callbacks=[Look()]).fit((X * 100).astype(dtype))
    assert seen["repeatable"] is repeatable


# ---------------------------------------------------------------- with a GPU
@pytest.fixture
def released(monkeypatch):
    """List, for every captured training, whether its steps were replayed."""
    release, seen = CapturedStep.release, []

    def spied(self):
        seen.append(self.graph is not None)
        release(self)

    monkeypatch.setattr(CapturedStep, "release", spied)
    return seen


@pytest.fixture
def replayed(released, monkeypatch):
    """Capture every training on the GPU, however short."""
    monkeypatch.setattr("skdae.training._net._WORTH_CAPTURING", 0)
    return released


def never(monkeypatch):
    monkeypatch.setattr("skdae.training._net._WORTH_CAPTURING", 10**9)


def small(kind=UNetDAE, **parameters):
    settings = {"noise": "gaussian", "max_epochs": 4, "random_state": 0, "device": "cuda"}
    dae = kind((8,), **{**settings, **parameters})
    return dae.set_params(precision=parameters.get("precision", "float32"))


def assert_alike(first, second, rtol=1e-2):
    np.testing.assert_allclose(first.loss_curve_, second.loss_curve_, rtol=rtol)
    curves = first.validation_loss_curve_, second.validation_loss_curve_
    np.testing.assert_allclose(*curves, rtol=rtol)


@pytest.mark.gpu
@pytest.mark.parametrize("kind", [DenseDAE, ConvDAE, UNetDAE])
@pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
@pytest.mark.parametrize("lr_schedule", ["constant", "one_cycle"])
def test_replays_learn_what_steps_learn(kind, optimizer, lr_schedule, replayed, monkeypatch):
    rate = 0.01 if optimizer in ("muon", "sgd") else 0.003
    dae = small(kind, optimizer=optimizer, lr_schedule=lr_schedule, lr=rate, early_stopping=True)
    by_replay = clone(dae).fit(X)
    assert replayed == [True]
    never(monkeypatch)
    assert_alike(by_replay, clone(dae).fit(X))
    assert replayed == [True]


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("loss", ["mse", "bce", "huber"])
def test_replays_in_every_precision_and_loss(precision, loss, replayed, monkeypatch):
    dae = small(precision=precision, loss=loss)
    by_replay = clone(dae).fit(X)
    assert replayed == [True]
    never(monkeypatch)
    assert_alike(by_replay, clone(dae).fit(X), rtol=0.02)


@pytest.mark.gpu
@pytest.mark.parametrize("noise", [None, *INJECTORS.values(), SwapNoise([0.1, 0.2] * 32)], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_every_noise_is_replayed_and_fresh(noise, dtype, replayed, monkeypatch):
    """At a rate of almost zero, the losses tell one draw of the noise from another."""
    data = np.rint(X * 255).astype(dtype) if dtype is np.uint8 else X
    dae = small(DenseDAE, noise=noise, optimizer="sgd", lr=1e-30)
    by_replay = clone(dae).fit(data)
    assert replayed == [True]
    never(monkeypatch)
    assert_alike(by_replay, clone(dae).fit(data), rtol=1e-5)


@pytest.mark.gpu
def test_a_step_that_waits_for_the_gpu_goes_on_as_usual(replayed, monkeypatch):
    corrupt = GaussianNoise._corrupt

    def waiting(self, x, level, generator):
        assert x.sum().isfinite().item()
        return corrupt(self, x, level, generator)

    monkeypatch.setattr(GaussianNoise, "_corrupt", waiting)
    dae = small(DenseDAE, lr=0.003)
    usual = clone(dae).fit(X)
    assert replayed == [False]
    never(monkeypatch)
    assert_alike(usual, clone(dae).fit(X))
    torch.rand(3, device="cuda")  # the global generator of the GPU still works


@pytest.mark.gpu
def test_replays_go_on_from_a_pickle(replayed, monkeypatch):
    dae = small(warm_start=True, lr_schedule="constant").fit(X)
    loaded = pickle.loads(pickle.dumps(dae))
    assert_alike(loaded.fit(X), dae.fit(X))
    assert replayed == [True, True, True]
    never(monkeypatch)
    assert_alike(small(warm_start=True, lr_schedule="constant").fit(X).fit(X), dae)


@pytest.mark.gpu
def test_the_memory_of_the_graph_is_given_back(replayed, monkeypatch):
    def used():
        gc.collect()
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        return torch.cuda.memory_allocated()

    small(max_epochs=2).fit(X)  # libraries take their workspaces at the first call
    before = used()
    models = [small(max_epochs=2).fit(X)]
    with_graph = used() - before
    models.clear()
    assert used() == before
    never(monkeypatch)
    models.append(small(max_epochs=2).fit(X))
    without = used() - before
    assert replayed == [True, True]
    assert with_graph == pytest.approx(without, rel=0.1)


@pytest.mark.gpu
def test_two_threads_replay_on_one_gpu(replayed):
    alone = small().fit(X).loss_curve_
    fits = Parallel(n_jobs=2, backend="threading")(delayed(small().fit)(X) for _ in range(4))
    for dae in fits:
        np.testing.assert_allclose(dae.loss_curve_, alone, rtol=1e-2)


@pytest.mark.gpu
def test_long_trainings_are_captured_without_being_asked(released):
    small(max_epochs=2).fit(X)
    assert released == []
    small(max_epochs=30).fit(X)
    assert released == [True]
