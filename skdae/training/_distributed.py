"""One training on several processes, as torchrun starts them."""

from __future__ import annotations

import functools
import itertools
import multiprocessing
import os
import threading
import warnings
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from joblib.parallel import get_active_backend
from torch import Tensor, nn

from skdae._random import make_generator
from skdae.training._batches import Batches

__all__ = ["checksum", "local_rank", "processes", "several_processes", "share"]

# Fits of a process, which meet those of the same number in the others.
_NUMBERS = itertools.count()


class OneProcess:
    """Where a fit runs on this process alone: everything stays as it is.

    Attributes
    ----------
    rank : int
        The number of this process.
    size : int
        How many processes share the training.
    """

    rank = 0
    size = 1

    def agreed(self, what: str, value: Any) -> Any:
        """Return the value of the first process; all must ask for the same thing."""
        return value

    def own_seed(self, seed: int) -> int:
        """Return a seed that no other process has."""
        return seed

    def begin(self, module: nn.Module, training: Batches, **same: object) -> None:
        """Check that all processes train the same, and give them the first one's weights.

        Parameters
        ----------
        module : nn.Module
            What is trained.
        training : Batches
            The training data.
        **same : object
            What must be equal everywhere, by its name for the message.
        """

    def shares(
        self, batches: Batches, *, whole: bool = False
    ) -> Iterator[tuple[tuple[Tensor, ...], int]]:
        """Yield what this process takes of every batch, and the rows of the whole batch.

        Parameters
        ----------
        batches : Batches
            The data.
        whole : bool, default=False
            Whether every process takes all rows.
        """
        for batch in batches:
            yield batch, len(batch[0])

    def averaged(self, loss: Tensor, parameters: Iterable[nn.Parameter] = ()) -> Tensor:
        """Return the loss of the whole batch, and give the parameters its gradients."""
        return loss


class ManyProcesses(OneProcess):
    """One of the processes that share a training.

    All draw the same order and take their shares of every batch, with noise and dropout of their
    own. The loss of a batch is the mean over its rows, so that the means of the shares, weighted
    by their rows, are that of the batch, and so are the gradients.

    Parameters
    ----------
    link : Link
        The way to the others.
    """

    def __init__(self, link: Link):
        self.link = link
        self.rank = link.rank
        self.size = link.size

    def agreed(self, what: str, value: Any) -> Any:
        """Return the value of the first process; all must ask for the same thing.

        Raises
        ------
        RuntimeError
            If they do not, since some go on with an estimator where others start one anew.
        """
        asked, values = zip(*self.link.gathered((what, value)), strict=True)
        self._check_equal("what they do", asked)
        return values[0]

    def own_seed(self, seed: int) -> int:
        """Return a seed that no other process has."""
        return int(np.random.SeedSequence([seed, self.rank]).generate_state(1)[0])

    def begin(self, module: nn.Module, training: Batches, **same: object) -> None:
        """Check that all processes train the same, and give them the first one's weights.

        Raises
        ------
        RuntimeError
            If their data or settings differ.
        """
        all_of_them = self.link.gathered(("training", same))
        self._check_equal("what they do", [what for what, _ in all_of_them])
        for name in same:
            self._check_equal(name, [theirs.get(name) for _, theirs in all_of_them])
        assert training.generator is not None
        seed = self.own_seed(training.generator.initial_seed())
        self._noise = make_generator(seed, training.device)
        self._module = module
        self._follow_the_first([*module.parameters(), *module.buffers()])

    def _check_equal(self, name: str, values: Iterable[object]) -> None:
        values = list(values)
        other = next((rank for rank, value in enumerate(values) if value != values[0]), None)
        if other is not None:
            raise RuntimeError(
                f"The {self.size} processes that train together differ in {name}: "
                f"{values[0]} in process 0 and {values[other]} in process {other}. Each must call "
                "the same methods, with the same data and parameters, and set random_state where "
                "data are drawn or split. skdae shares out the samples itself."
            )

    def _follow_the_first(self, tensors: Iterable[Tensor]) -> None:
        for tensor in tensors:
            tensor.detach().copy_(self.link.from_the_first(tensor.detach()))

    def shares(
        self, batches: Batches, *, whole: bool = False
    ) -> Iterator[tuple[tuple[Tensor, ...], int]]:
        """Yield what this process takes of every batch, and the rows of the whole batch.

        After a pass of training, all have the first one's buffers, such as the statistics of
        batch normalisation.
        """
        trains = batches.generator is not None
        if whole:
            for batch in batches:
                self._weight = 1 / self.size
                yield batch, len(batch[0])
        else:
            noise = self._noise
            if not trains:
                noise = make_generator(self.own_seed(batches.seed), batches.device)
            for chosen in batches.choices():
                rows, self._weight = share(len(chosen), self.rank, self.size)
                yield batches.batch(chosen[rows], noise), len(chosen)
        if trains:
            self._follow_the_first(self._module.buffers())

    def averaged(self, loss: Tensor, parameters: Iterable[nn.Parameter] = ()) -> Tensor:
        """Return the loss of the whole batch, and give the parameters its gradients.

        One sum over the processes takes all: the loss, the gradients, and who has which.
        """
        trained = [parameter for parameter in parameters if parameter.requires_grad]
        gradients = [parameter.grad for parameter in trained]
        parts = [loss.view(1)]
        for parameter, gradient in zip(trained, gradients, strict=True):
            part = torch.zeros_like(parameter) if gradient is None else gradient
            parts.append(part.detach().reshape(-1))
        sizes = [len(part) for part in parts]
        has_one = loss.new_ones(len(trained))
        for index, gradient in enumerate(gradients):
            if gradient is None:
                has_one[index] = 0
        flat = torch.cat([*parts, has_one])
        flat[: sum(sizes)] *= self._weight
        mean, *parts, has_one = self.link.summed(flat).split([*sizes, len(trained)])
        for parameter, part, anyone in zip(trained, parts, has_one, strict=True):
            if parameter.grad is None:
                if anyone == 0:
                    continue
                parameter.grad = torch.zeros_like(parameter)
            parameter.grad.copy_(part.view(parameter.shape))
        return mean[0].clone()


class OtherProcessFailed(RuntimeError):
    """Another process has left the training with an error."""


class Link:
    """A group of all processes for one fit, closed at its end so that nobody waits for this one.

    The default group is made if there is none; beside one of the user, one is made for the fit.
    """

    def __init__(self) -> None:
        self.store: dist.Store | None = None
        if dist.is_initialized():
            self.group: dist.ProcessGroup | None = dist.new_group(backend=_backend())
        else:
            store = dist.PrefixStore(f"skdae/{next(_NUMBERS)}", _store())
            rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
            dist.init_process_group(_backend(), store=store, rank=rank, world_size=size)
            self.group, self.store = dist.group.WORLD, store
        self.rank, self.size = dist.get_rank(self.group), dist.get_world_size(self.group)
        # Gloo connects each with each. Whoever leaves before all are connected, as after an error,
        # lets the others wait for it.
        try:
            self.gathered("here")
        except OtherProcessFailed as error:
            self.close(error)
            raise

    def close(self, error: BaseException | None = None) -> None:
        """Leave, with the error that the others will read.

        Gloo closes its connections when the last reference to a group goes.
        """
        owned = self.store is not None
        if self.store is not None and not isinstance(error, (OtherProcessFailed, type(None))):
            with suppress(RuntimeError):
                text = f"Process {self.rank}: {type(error).__name__}: {error}"
                self.store.set("failure", text)
        group, self.group = self.group, None
        dist.destroy_process_group(None if owned else group)

    def gathered(self, value: object) -> list[Any]:
        """Return the values of all processes."""
        values: list[Any] = [None] * self.size
        with self._talking():
            dist.all_gather_object(values, value, group=self.group)
        return values

    def summed(self, flat: Tensor) -> Tensor:
        """Return the sum of the tensors of all processes, which this may overwrite."""
        moved = _reachable(flat)
        with self._talking():
            dist.all_reduce(moved, group=self.group)
        return moved.to(flat.device)

    def from_the_first(self, tensor: Tensor) -> Tensor:
        """Return the tensor of the first process."""
        moved = _reachable(tensor).contiguous().clone(memory_format=torch.contiguous_format)
        with self._talking():
            dist.broadcast(moved, 0, group=self.group)
        return moved.to(tensor.device)

    @contextmanager
    def _talking(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            why = "Its own message says why."
            with suppress(RuntimeError):
                if self.store is not None and self.store.check(["failure"]):
                    why = self.store.get("failure").decode()
            raise OtherProcessFailed(
                f"Another of the {self.size} processes that train together has failed, and the "
                f"training ends here too. {why}"
            ) from error


class _Here(threading.local):
    processes: OneProcess = OneProcess()


_HERE = _Here()


def processes() -> OneProcess:
    """Return who shares the fit that runs in this thread."""
    return _HERE.processes


@contextmanager
def several_processes() -> Iterator[None]:
    """Share the fit inside of the block with the other processes of torchrun, if there are any.

    An error ends it in all of them. The first one alone warns.
    """
    if not _are_several():
        yield
        return
    link, outer = Link(), _HERE.processes
    _HERE.processes = ManyProcesses(link)
    failure: BaseException | None = None
    try:
        with warnings.catch_warnings(action="ignore") if link.rank > 0 else nullcontext():
            yield
    except BaseException as error:
        failure = error
        raise
    finally:
        _HERE.processes = outer
        link.close(failure)
        del failure  # its traceback holds this frame


def _are_several() -> bool:
    """Whether this process is one of several that run the same script.

    Workers of joblib inherit the environment of torchrun, but train models of their own; and
    threads come in another order in each process.
    """
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or get_active_backend()[0].nesting_level > 0 or not dist.is_available():
        return False
    if dist.is_initialized():
        return dist.get_world_size() > 1
    is_first = multiprocessing.current_process().name == "MainProcess"
    return is_first and _by_torchrun() and int(os.environ["WORLD_SIZE"]) > 1


def _by_torchrun() -> bool:
    return "TORCHELASTIC_RUN_ID" in os.environ


def local_rank() -> int | None:
    """Return the number of this process on its machine, or None if torchrun did not start it."""
    return int(os.environ["LOCAL_RANK"]) if _by_torchrun() else None


@functools.lru_cache(maxsize=1)
def _store() -> dist.Store:
    """Return the store through which the processes find each other, one for all fits."""
    from torch.distributed.rendezvous import rendezvous  # not in every build of torch

    store, _, _ = next(rendezvous("env://"))
    return store


def _backend() -> str:
    """Return NCCL for GPUs if each process has its own; Gloo moves tensors through the host."""
    if dist.is_initialized():
        has_own = "nccl" in str(dist.get_backend_config())
    else:
        has_own = int(os.environ["LOCAL_WORLD_SIZE"]) <= torch.cuda.device_count()
    usable = torch.cuda.is_available() and dist.is_nccl_available()
    return "cpu:gloo,cuda:nccl" if usable and has_own else "gloo"


def _reachable(tensor: Tensor) -> Tensor:
    """Return a tensor in memory that the processes can exchange."""
    return tensor if tensor.device.type in ("cpu", "cuda") else tensor.cpu()


def share(n_rows: int, rank: int, size: int) -> tuple[slice, float]:
    """Return which rows of a batch a process takes, and their weight in the mean.

    No share has one row alone, of which batch normalisation has no statistics. Where there are
    not enough rows for all, the last processes repeat the share of the first one with weight 0,
    so that all take the same step.
    """
    n_shares = max(1, min(size, n_rows // 2))
    which = rank if rank < n_shares else 0
    rows = slice(n_rows * which // n_shares, n_rows * (which + 1) // n_shares)
    return rows, (rows.stop - rows.start) / n_rows if rank < n_shares else 0.0


def checksum(rows: Any) -> int:
    """Return a number that differs if the first or the last sample does."""
    total = 0
    for row in (rows[0], rows[-1]):
        total = zlib.crc32(np.ascontiguousarray(row).tobytes(), total)
    return total
