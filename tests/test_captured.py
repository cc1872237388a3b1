"""Training steps that are recorded once on the GPU: how, and that nothing else changes.

What the host decides is tested everywhere, with a GPU that is played by this file; the kernels
need a real one.
"""

import gc
import pickle
import threading
from collections import defaultdict
from contextlib import contextmanager
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
    ConvDAE,
    DenseDAE,
    GaussianNoise,
    SwapNoise,
    UNetDAE,
)
from skdae.training import OPTIMIZERS
from skdae.training._captured import CAN_CAPTURE, CapturedStep, has_hooks

X = (load_digits().images[:300] / 16).astype(np.float32)


# ---------------------------------------------------------------- a GPU to play with
class FakeGraph:
    """Replay by calling what it has recorded."""

    def __init__(self):
        self.generators, self.replays, self.resets = [], 0, 0

    def register_generator_state(self, generator):
        self.generators.append(generator)

    def replay(self):
        self.replays += 1
        self.recorded()

    def reset(self):
        self.resets += 1


class FakeCuda:
    """Record a step instead of running it, as a capture does, and say what happened."""

    def __init__(self):
        self.recording, self.captures, self.fails = None, [], False
        self.n_streams, self.current = 0, "the default stream"
        self.waited_for = []

    def new_stream(self, device):
        self.n_streams += 1
        return SimpleNamespace(wait_stream=self.waited_for.append)

    @contextmanager
    def stream(self, stream):
        before, self.current = self.current, stream
        try:
            yield
        finally:
            self.current = before

    @contextmanager
    def graph(self, graph, stream, capture_error_mode):
        """As torch's: the stream is not set back where the end of the capture fails."""
        self.captures.append(graph)
        before, self.current = self.current, stream
        self.recording = graph
        try:
            yield
        finally:
            self.recording = None
            if self.fails:
                raise RuntimeError("operation not permitted when stream is capturing")
            self.current = before

    def recordable(self, step, optimizer):
        """Replay a step as a graph does: with the tensors and the settings of its capture."""

        def run_or_record(chosen):
            if self.recording is None:
                step(chosen)
                return
            recorded = settings_of(optimizer)

            def replay():
                now = settings_of(optimizer)
                restore(recorded)
                step(chosen)
                restore(now)

            self.recording.recorded = replay

        return run_or_record


def settings_of(optimizer):
    groups = [(g, {**g, "params": list(g["params"])}) for g in optimizer.param_groups]
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    return groups, [(p, p.data, p.requires_grad) for p in parameters]


def restore(settings):
    groups, parameters = settings
    for group, values in groups:
        group.update(values)
    for parameter, values, needs_gradient in parameters:
        parameter.data = values
        parameter.requires_grad = needs_gradient


@pytest.fixture
def cuda(monkeypatch):
    fake = FakeCuda()
    monkeypatch.setattr(torch.cuda, "Stream", fake.new_stream)
    monkeypatch.setattr(torch.cuda, "current_stream", fake.new_stream)
    monkeypatch.setattr(torch.cuda, "stream", fake.stream)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", FakeGraph)
    monkeypatch.setattr(torch.cuda, "graph", fake.graph)
    monkeypatch.setattr("skdae.training._captured._IDLE_STREAMS", defaultdict(list))
    return fake


def sgd_of_one(lr=0.25):
    return torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=lr)


def captured_step(cuda, step, optimizer=None, settings=lambda: None):
    optimizer = optimizer or sgd_of_one()
    return CapturedStep(
        cuda.recordable(step, optimizer),
        settings=settings,
        optimizer=optimizer,
        generator=torch.Generator(),
        device=torch.device("cpu"),
    )


# ---------------------------------------------------------------- one step after another
BATCHES = [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9], [3, 2, 1, 0], [1, 1, 1, 1], [5], *[[7] * 4] * 3]


@pytest.mark.parametrize("fails", [False, True])
def test_every_batch_is_trained_on_once_and_in_its_order(fails, cuda):
    cuda.fails = fails
    seen = []
    step = captured_step(cuda, lambda chosen: seen.append(chosen.tolist()))
    for batch in BATCHES:
        step(torch.tensor(batch))
    assert seen == BATCHES


def test_the_first_full_batches_run_as_usual_and_the_rest_are_replayed(cuda):
    step = captured_step(cuda, lambda chosen: None)
    replays = []
    for batch in BATCHES:
        step(torch.tensor(batch))
        replays.append(step.graph.replays if step.graph else None)
    assert replays == [None, None, None, None, 1, 1, 2, 3, 4]
    assert len(cuda.captures) == 1


def test_a_replay_waits_for_the_stream_of_the_capture(cuda):
    """A capture starts by setting the state of the generator, on a stream of its own."""
    step = captured_step(cuda, lambda chosen: None)
    for batch in BATCHES[:4]:
        step(torch.tensor(batch))
    n_before = len(cuda.waited_for)
    step(torch.tensor(BATCHES[4]))
    assert step.graph.replays == 1
    assert cuda.waited_for[n_before:] == [step.stream]


@pytest.mark.parametrize("registers", [False, True])  # torch 2.14 and 2.13
def test_generators_are_registered_where_torch_does_not_do_so(registers, cuda, monkeypatch):
    monkeypatch.setattr("skdae.training._captured._REGISTERS_GENERATORS", registers)
    step = captured_step(cuda, lambda chosen: None)
    for batch in BATCHES:
        step(torch.tensor(batch))
    assert step.graph.generators == ([step.generator] if registers else [])


def test_what_cannot_be_captured_is_tried_once_and_cleaned_up(cuda):
    cuda.fails = True
    step = captured_step(cuda, lambda chosen: None)
    for batch in BATCHES:
        step(torch.tensor(batch))
        assert cuda.current == "the default stream"
    assert step.graph is None
    assert [graph.resets for graph in cuda.captures] == [1]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("n_before", [0, 3])  # the fourth call is the capture
def test_an_error_of_the_step_itself_gets_through(error, n_before, cuda):
    calls = []

    def run(chosen):
        calls.append(chosen)
        if len(calls) == n_before + 1:
            raise error("mine")

    step = captured_step(cuda, None)
    step.step = run
    for _ in range(n_before):
        step(torch.zeros(4))
    with pytest.raises(error, match="mine"):
        step(torch.zeros(4))
    assert cuda.current == "the default stream"
    assert [graph.resets for graph in cuda.captures] == [1] * (n_before == 3)


def test_streams_are_used_again_but_never_by_two_steps_at_once(cuda):
    def new():
        return captured_step(cuda, lambda chosen: None)

    first, second = new(), new()
    assert first.stream is not second.stream
    first.release()
    third = new()
    assert third.stream is first.stream
    second.release()
    third.release()
    assert {id(new().stream), id(new().stream)} == {id(first.stream), id(second.stream)}
    assert cuda.n_streams == 2


def test_no_replay_while_another_thread_captures(cuda, monkeypatch):
    replaying, capturing = (captured_step(cuda, lambda chosen: None) for _ in range(2))
    for _ in range(4):
        replaying(torch.zeros(4))
    begun, may_end = threading.Event(), threading.Event()

    @contextmanager
    def slow_capture(graph, stream, capture_error_mode):
        begun.set()
        assert may_end.wait(10)
        yield

    monkeypatch.setattr(torch.cuda, "graph", slow_capture)
    capturing.step = lambda chosen: None
    monkeypatch.setattr(FakeGraph, "recorded", lambda self: None, raising=False)
    threads = [threading.Thread(target=lambda: [capturing(torch.zeros(4)) for _ in range(4)])]
    threads[0].start()
    assert begun.wait(10)
    threads.append(threading.Thread(target=lambda: replaying(torch.zeros(4))))
    threads[1].start()
    threads[1].join(0.1)
    assert replaying.graph.replays == 1  # that of the capture itself
    may_end.set()
    for thread in threads:
        thread.join(10)
    assert (replaying.graph.replays, capturing.graph.replays) == (2, 1)


def two_groups(kind, **settings):
    a, b = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(3))
    return kind([{"params": [a], "lr": 0.5}, {"params": [b]}], lr=0.25, **settings)


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.SGD])
def test_rates_are_tensors_until_the_release(kind, cuda):
    optimizer = two_groups(kind)
    before = [dict(group) for group in optimizer.param_groups]
    step = captured_step(cuda, lambda chosen: None, optimizer)
    for group, old in zip(optimizer.param_groups, before, strict=True):
        assert group["lr"].ndim == 0
        assert group["lr"].dtype == torch.float32  # what fused kernels read
        assert group["lr"].item() == old["lr"]
        assert group.get("capturable", True)
    for batch in BATCHES:
        step(torch.tensor(batch))
    optimizer.param_groups[0]["lr"].fill_(0.125)
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    step.release()
    assert all(parameter.grad is None for parameter in parameters)  # memory of the graph
    assert step.graph is None
    assert [group["lr"] for group in optimizer.param_groups] == [0.125, 0.25]
    assert all(type(group["lr"]) is float for group in optimizer.param_groups)
    assert not any(group.get("capturable") for group in optimizer.param_groups)
    assert [group.keys() for group in optimizer.param_groups] == [old.keys() for old in before]


@pytest.mark.parametrize("lr", [1, 0.25])
def test_rates_have_one_dtype_whatever_they_were(lr, cuda):
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        step = captured_step(cuda, lambda chosen: None, sgd_of_one(lr=lr))
    finally:
        torch.set_default_dtype(before)
    assert (step.rates[0].dtype, step.rates[0].item()) == (torch.float32, lr)


def test_rates_that_are_set_are_taken_over_by_the_tensors(cuda):
    optimizer = two_groups(torch.optim.SGD)
    step = captured_step(cuda, lambda chosen: None, optimizer)
    first, second = optimizer.param_groups
    first["lr"] = 0.125
    second["lr"] = torch.tensor(0.5, dtype=torch.float64)
    assert step.follows()
    assert [first["lr"], second["lr"]] == step.rates == [0.125, 0.5]
    assert first["lr"] is step.rates[0] and second["lr"] is step.rates[1]


def test_a_release_does_not_hide_an_error_of_the_gpu(cuda):
    """After an assert on the device, all that waits for it raises."""

    class Lost:
        def __float__(self):
            raise RuntimeError("device-side assert triggered")

    optimizer = two_groups(torch.optim.Adam)
    step = captured_step(cuda, lambda chosen: None, optimizer)
    optimizer.param_groups[0]["lr"] = Lost()
    with pytest.raises(ValueError, match="the first error"):
        try:
            raise ValueError("the first error")
        finally:
            step.release()
    assert not any(group["capturable"] for group in optimizer.param_groups)


# ---------------------------------------------------------------- in a training
@pytest.fixture
def captured(cuda, monkeypatch):
    """Capture every training on the GPU that is played, and list the steps when released."""
    released = []

    class Recorded(CapturedStep):
        def __init__(self, step, *, optimizer, **settings):
            step = cuda.recordable(step, optimizer)
            super().__init__(step, optimizer=optimizer, **settings)

        def release(self):
            released.append(self.graph)
            super().release()

    def is_worth_capturing(net, *args):
        return not has_hooks(net.module_, net.optimizer_)

    monkeypatch.setattr("skdae.training._captured.CapturedStep", Recorded)
    monkeypatch.setattr("skdae.training.DenoisingNet._is_worth_capturing", is_worth_capturing)
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


def test_batches_of_fewer_rows_than_asked_for_are_captured_too(captured):
    dae = DenseDAE((4,), noise="gaussian", batch_size=1000, max_epochs=6, random_state=0)
    dae.fit(X[:50])
    assert [graph.replays for graph in captured] == [3]


def test_a_gpu_is_the_current_one_from_the_first_step_to_the_release(cuda, captured, monkeypatch):
    entered = []

    @contextmanager
    def on_device(device):
        entered.append(device)
        seen.append("entered")
        yield
        seen.append("left")

    seen = []
    release, step = CapturedStep.release, CapturedStep.__call__
    monkeypatch.setattr(CapturedStep, "release", lambda self: [release(self), seen.append("end")])
    monkeypatch.setattr(
        CapturedStep, "__call__", lambda self, chosen: [seen.append("step"), step(self, chosen)]
    )
    monkeypatch.setattr("skdae.training._net.on_device", on_device)
    DenseDAE((4,), noise="gaussian", batch_size=100, max_epochs=1, random_state=0).fit(X)
    assert seen == ["entered", "step", "step", "step", "end", "left"]
    assert entered == [torch.device("cpu")]


# ---------------------------------------------------------------- callbacks that change the step
class AtEpochThree(Callback):
    """Do something to the net when the third epoch of five begins or the second ends."""

    def __init__(self, change, early=False):
        self.change = change
        self.early = early

    def on_epoch_end(self, net, **kwargs):
        if self.early and len(net.history) == 2:
            self.change(net)

    def on_epoch_begin(self, net, **kwargs):
        if not self.early and len(net.history) == 3:
            self.change(net)


def set_rates(net):
    for group in net.optimizer_.param_groups:
        group["lr"] = 1e-4


def halve_rates(net):
    for group in net.optimizer_.param_groups:
        group["lr"] *= 0.5


def set_rates_as_skorch_does(net):
    net.set_params(optimizer__lr=1e-4)


def set_weight_decay(net):
    net.optimizer_.param_groups[0]["weight_decay"] = 10.0


def set_momentum(net):
    net.optimizer_.param_groups[0]["betas"] = (0.5, 0.9)


def freeze(net):
    next(net.module_.parameters()).requires_grad = False


def move_weights(net):
    for parameter in net.module_.parameters():
        parameter.data = parameter.data / 2


def give_a_bias_a_group(net):
    (group,) = net.optimizer_.param_groups
    net.optimizer_.add_param_group({"params": [group["params"].pop()], "lr": 0.1})


def leave_a_bias_out(net):
    net.optimizer_.param_groups[0]["params"].pop()


def start_the_optimizer_anew(net):
    net.initialize_optimizer()


def take_another_loss(net):
    net.criterion_ = torch.nn.functional.l1_loss


RATES = [set_rates, halve_rates, set_rates_as_skorch_does]
OTHERS = [
    set_weight_decay,
    set_momentum,
    freeze,
    move_weights,
    give_a_bias_a_group,
    leave_a_bias_out,
    start_the_optimizer_anew,
    take_another_loss,
]


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("change", [*RATES, *OTHERS])
def test_callbacks_change_captured_steps_too(change, early, captured, monkeypatch):
    dae = DenseDAE((8,), noise="gaussian", lr=0.01, lr_schedule="constant", max_epochs=5)
    dae.set_params(random_state=0, callbacks=[AtEpochThree(change, early)])
    if change is start_the_optimizer_anew:
        dae.set_params(optimizer="sgd")  # a new one has the settings of the old one
    by_replay = clone(dae).fit(X)
    assert len(captured) == (1 if change in RATES else 2)
    assert all(graph.replays for graph in captured)
    monkeypatch.setattr("skdae.training.DenoisingNet._is_worth_capturing", lambda *args: False)
    usual = clone(dae).fit(X)
    np.testing.assert_allclose(by_replay.loss_curve_, usual.loss_curve_, rtol=1e-5)
    np.testing.assert_allclose(by_replay.predict(X), usual.predict(X), atol=1e-5)
    unchanged = clone(dae).set_params(callbacks=None).fit(X)
    assert unchanged.loss_curve_[2] != usual.loss_curve_[2]


# Each gets the net and a function to call.
HOOKS = {
    "before a layer": lambda net, run: net.module_.encoder[0].register_forward_pre_hook(run),
    "after a layer": lambda net, run: net.module_.encoder[0].register_forward_hook(run),
    "its gradient": lambda net, run: net.module_.decoder[-1].register_full_backward_hook(run),
    "gradients": lambda net, run: next(net.module_.parameters()).register_hook(run),
    "gradients that are whole": lambda net, run: next(
        net.module_.parameters()
    ).register_post_accumulate_grad_hook(run),
    "before the optimizer": lambda net, run: net.optimizer_.register_step_pre_hook(run),
    "after the optimizer": lambda net, run: net.optimizer_.register_step_post_hook(run),
    "every layer": lambda net, run: nn.modules.module.register_module_forward_hook(run),
}


@pytest.mark.parametrize("hook", HOOKS)
def test_hooks_are_called_at_every_step(hook, captured):
    handles, calls, steps = [], [], []

    def change(net):
        handles.append(HOOKS[hook](net, lambda *args: calls.append(args)))

    class Look(Callback):
        def on_epoch_end(self, net, **kwargs):
            steps.append(net._captured is not None)

    dae = DenseDAE((8,), noise="gaussian", max_epochs=5, random_state=0)
    dae.set_params(callbacks=[AtEpochThree(change), Look()])
    try:
        dae.fit(X)
    finally:
        handles[0].remove()
    assert steps == [True, True, False, False, False]
    assert len(calls) >= 3 * -(-300 // 32)
    assert len(captured) == 1


# ---------------------------------------------------------------- with a GPU
@pytest.fixture
def released(monkeypatch):
    """List, for every captured training, whether its steps were replayed."""
    if not CAN_CAPTURE:
        pytest.skip("captures need torch 2.13")
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


# Levels that travel to the GPU with every batch, which cannot be recorded.
PER_COLUMN = SwapNoise([0.1, 0.2] * 32)


@pytest.mark.gpu
@pytest.mark.parametrize("noise", [None, *INJECTORS.values(), PER_COLUMN], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_every_noise_is_replayed_and_fresh(noise, dtype, replayed, monkeypatch):
    """At a rate of almost zero, the losses tell one draw of the noise from another."""
    data = np.rint(X * 255).astype(dtype) if dtype is np.uint8 else X
    dae = small(DenseDAE, noise=noise, optimizer="sgd", lr=1e-30)
    by_replay = clone(dae).fit(data)
    travels = noise is PER_COLUMN or getattr(noise, "groups", None)
    assert replayed == ([] if travels else [True])
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
    stream = torch.cuda.current_stream()
    usual = clone(dae).fit(X)
    assert torch.cuda.current_stream() == stream
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
    models[0].net_.optimizer_.zero_grad()  # the gradients of a graph are part of its memory
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
