"""The one skorch net: whole batches in, no synchronisation per batch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import torch
from skorch.callbacks import Callback
from torch import Tensor

from skdae.training._batches import Batches, Parts
from skdae.training._built_net import BuiltNet
from skdae.training._callbacks import BestWeights, ProgressBar, needs_all_rows, watches_batches
from skdae.training._captured import CapturedStep, can_capture, capture_training, step_settings
from skdae.training._checkpoints import Checkpoints
from skdae.training._ctrl_c import CtrlC
from skdae.training._device import autocast, on_device
from skdae.training._distributed import processes
from skdae.training._explosion import LossExploded, has_exploded
from skdae.training._losses import LOSSES, check_one_number
from skdae.training._memory import kept_memory
from skdae.training._modules import has_only_known_layers
from skdae.training._optimizers import OPTIMIZERS
from skdae.training._schedules import one_cycle, set_rate
from skdae.training._spots import at_spots
from skdae.training._standardization import channels_last
from skdae.training._threads import few_threads

__all__ = ["DenoisingNet"]

Step = Callable[..., dict[str, Tensor]]

_WORTH_CAPTURING = 200
_NO_LOSS = torch.tensor(math.nan)


class DenoisingNet(BuiltNet):
    """skorch's net with a lean epoch.

    It trains on :class:`Batches`, sums the loss on the device and reads it once an epoch, and
    calls the hooks of a batch only if a callback has them. Callbacks, history, module,
    criterion and optimizer are skorch's.
    """

    def train(
        self,
        training: Batches,
        validation: Batches | None,
        *,
        epochs: int,
        callbacks: Sequence[Callback] = (),
        patience: int | None = None,
        verbose: int = 0,
        resumes: bool = False,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        """Train for some epochs; with ``patience``, restore the best weights.

        Parameters
        ----------
        training, validation : Batches
            The training data, and those that an epoch is judged by, or None.
        epochs : int
            The most epochs.
        callbacks : sequence of skorch callbacks, default=()
            Those of the user.
        patience : int or None, default=None
            Epochs without a better loss after which training stops; None never stops.
        verbose : int, default=0
            Above 0 shows a progress bar.
        resumes : bool, default=False
            Whether the net was trained before, so that its weights may be restored too.
        checkpoints : Checkpoints or None, default=None
            Keeps the state after epochs, and may have one to go on from.

        Raises
        ------
        KeyboardInterrupt
            On Ctrl-C, after the best weights so far are restored.
        LossExploded
            If a loss explodes, after the best weights so far are restored.
        ValueError
            If a callback of the user does not go with ``checkpoints``.
        """
        if checkpoints is not None:
            checkpoints.check(callbacks, self.owner)
        self._captured: CapturedStep | None = None
        self._n_whole_epochs = len(self.history)
        # Callbacks of skorch read these.
        self.verbose, self.batch_size = verbose, training.batch_size
        best = self._best = BestWeights(patience, keep_first=resumes)
        bar = [ProgressBar(epochs, len(training.starts))] if verbose else []
        self._checkpoints = checkpoints
        # A state is kept after the other callbacks have closed the epoch.
        self.callbacks = [best, *callbacks, *bar, *([checkpoints] if checkpoints else [])]
        self.initialize_callbacks()
        set_rate(self.optimizer_, self.lr, self._rate_factors)
        self.notify("on_train_begin", X=training, y=validation)
        try:
            with (
                self._global_generator(),
                few_threads(training.n_values, self._products_of_a_step(training)),
                kept_memory(training.device, training.n_values),
                on_device(training.device),
                CtrlC() as self._ctrl_c,
            ):
                self.fit_loop(training, validation, epochs=epochs)
                if patience is not None:
                    best.restore(self)
                self._check_last_step(training)
        except BaseException as stop:
            del self.history[self._n_whole_epochs :]
            if isinstance(stop, KeyboardInterrupt):
                best.restore(self)
            if isinstance(stop, LossExploded):
                # The moments of the optimizer have seen what the weights have.
                self.optimizer_.state.clear()
                stop.restored = best.restore(
                    self, lambda: self._has_exploded(self._loss_of_a_batch(training), training)
                )
            raise
        finally:
            self.notify("on_train_end", X=training, y=validation)

    def _move_rate(self) -> None:
        if self._rates is not None:
            set_rate(self.optimizer_, next(self._rates), self._rate_factors)

    def _is_worth_capturing(self, training: Batches, epochs: int) -> bool:
        """Whether there are many steps, on a GPU, all alike, and without code of the user."""
        return (
            self._total.is_cuda
            and epochs * len(training.starts) >= _WORTH_CAPTURING
            and training.repeatable
            and processes().size == 1
            and not self._observed
            and has_only_known_layers(self.module_)
            and self.optimizer in OPTIMIZERS.values()
            and self.criterion in LOSSES.values()
            and can_capture(self.module_, self.optimizer_)
        )

    def _update_capture(self, training: Batches, epochs: int) -> None:
        """Capture the step if that is worth it, and anew if a callback has changed it."""
        if self._captured is not None and self._captured.follows():
            return
        self._release_capture()
        if self._is_worth_capturing(training, epochs):
            self._captured = capture_training(
                self.train_step,
                training,
                self._total,
                optimizer=self.optimizer_,
                settings=lambda: step_settings(
                    self.module_, self.optimizer_, self.criterion_, self.precision_
                ),
            )

    def _release_capture(self) -> None:
        if self._captured is not None:
            self._captured.release()
            self._captured = None

    def _check_last_step(self, training: Batches) -> None:
        """Raise LossExploded if the loss has exploded in the last step, which no epoch saw."""
        loss = self._loss_of_a_batch(training)
        if self._has_exploded(loss, training):
            self._n_whole_epochs -= 1
            raise LossExploded(len(self.history), loss)

    def _loss_of_a_batch(self, training: Batches) -> float:
        """Return the loss of the first batch with the weights as they are, in evaluation mode."""
        self.module_.eval()
        with torch.inference_mode():
            loss, _ = self._loss_and_output(next(iter(training)))
        return loss.item() * self._unit_of_loss

    def fit_loop(
        self, X: Batches, y: Batches | None = None, epochs: int | None = None, **fit_params: object
    ) -> DenoisingNet:
        """Alternate epochs of training (X) and validation (y)."""
        epochs = epochs or self.max_epochs
        datasets = {"dataset_train": X, "dataset_valid": y}
        self._lowest = {"train": math.inf, "valid": math.inf}
        self._observed = any(watches_batches(callback) for _, callback in self.callbacks_)
        self._scored = any(needs_all_rows(callback) for _, callback in self.callbacks_)
        self._first_loss = _NO_LOSS
        self._n_epochs = len(self.history) + epochs
        n_done = 0 if self._checkpoints is None else self._checkpoints.resume(self, X)
        self._n_whole_epochs = len(self.history)
        self._rates: Iterator[float] | None = None
        if self.lr_schedule == "one_cycle":
            rates = one_cycle(self.lr, epochs * len(X.starts))
            self._rates = islice(rates, n_done * len(X.starts), None)
        self._total = torch.zeros((), device=self.device)
        try:
            for _ in range(n_done, epochs):
                self.notify("on_epoch_begin", **datasets)
                self.history.new_batch()  # callbacks of skorch format the last one
                self._update_capture(X, epochs)
                self.run_single_epoch(X, True, "train", self.train_step)
                self.run_single_epoch(y, False, "valid", self.validation_step)
                if self._ends_with_this_epoch(datasets):
                    break
        finally:
            self._release_capture()
        return self

    def _ends_with_this_epoch(self, datasets: dict) -> bool:
        """Close the epoch, and ask the callbacks whether it was the last one."""
        self._n_whole_epochs = len(self.history)
        try:
            self.notify("on_epoch_end", **datasets)
        except KeyboardInterrupt:
            # The way in which a callback of skorch's, EarlyStopping too, ends a training.
            if self._ctrl_c.pressed:
                raise
            return True
        return self.has_ended

    @property
    def has_ended(self) -> bool:
        """Whether the last epoch of this training is closed."""
        return self._best.is_exhausted or len(self.history) >= self._n_epochs

    def run_single_epoch(
        self, iterator: Batches | None, training: bool, prefix: str, step_fn: Step, **kwargs: object
    ) -> None:
        """Pass over the batches once and record the mean loss of a row."""
        if iterator is None:
            return
        self.module_.train(training)
        self._total.zero_()
        if training and self._captured is not None:
            for chosen in iterator.choices():
                self._move_rate()
                self._captured(chosen)
        else:
            whole = self._scored and not training
            for batch, n_rows in processes().shares(iterator, whole=whole):
                if self._observed:
                    self.notify("on_batch_begin", batch=batch[:2], training=training)
                if training:
                    self._move_rate()
                step = self._try(step_fn, batch)
                self._total.add_(step["loss"], alpha=n_rows)
                if self._observed:
                    self.notify("on_batch_end", batch=batch[:2], training=training, **step)
        self.history.record(f"{prefix}_batch_count", len(iterator.starts))
        loss = (self._total / len(iterator)).item() * self._unit_of_loss
        self.history.record(f"{prefix}_loss", loss)
        if self._has_exploded(loss, iterator) if training else not math.isfinite(loss):
            raise LossExploded(len(self.history), loss)
        self.history.record(f"{prefix}_loss_best", loss < self._lowest[prefix])
        self._lowest[prefix] = min(loss, self._lowest[prefix])

    def _try(self, step_fn: Step, batch: tuple[Tensor, ...]) -> dict[str, Tensor]:
        """Take a step; an error of it is an explosion if there are weights that are not finite."""
        try:
            return step_fn(batch)
        except (RuntimeError, ValueError) as error:
            if all(weight.isfinite().all() for weight in self._parameters):
                raise
            raise LossExploded(len(self.history), math.nan) from error

    def _has_exploded(self, loss: float, training: Batches) -> bool:
        first = self._first_loss.item() * self._unit_of_loss
        return has_exploded(loss, first, training, self.criterion_, unit=self._unit_of_loss)

    def train_step(self, batch: tuple[Tensor, ...], **fit_params: object) -> dict[str, Tensor]:
        """Take one step of the optimizer."""
        for parameter in self._parameters:
            parameter.grad = None
        loss, output = self._loss_and_output(batch)
        if self._first_loss is _NO_LOSS:
            check_one_number(loss, self.criterion.function, self.owner)
        loss.backward()
        loss = processes().averaged(loss.detach(), self._parameters)
        if self._observed:
            parameters = list(self.module_.named_parameters())
            self.notify("on_grad_computed", named_parameters=parameters, batch=batch[:2])
        self.optimizer_.step()
        if self._first_loss is _NO_LOSS:
            self._first_loss = loss
        return {"loss": loss, "y_pred": self._restored(output.detach())}

    def validation_step(
        self, batch: tuple[Tensor, Tensor], **fit_params: object
    ) -> dict[str, Tensor]:
        """Compute the loss of a batch."""
        with torch.inference_mode():
            loss, output = self._loss_and_output(batch)
        return {"loss": processes().averaged(loss), "y_pred": self._restored(output)}

    def _loss_and_output(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Send a batch through the module, and compare; at the spots alone where there are any."""
        parts: Parts = (*batch, None, None)
        x, target, spots, weights = parts[:4]
        output = self.output(x)
        compared = output, target
        if spots is not None:
            compared = at_spots(output, spots), at_spots(target, spots)
        if weights is None:
            return self.criterion_(*compared), output
        return (weights * self._loss_of_each(*compared)).mean(), output

    # ------------------------------------------------------------------ computing
    def output(self, x: Tensor) -> Tensor:
        """Apply the module to inputs in the units of the data."""
        if self.standardization_ is not None:
            x = self.standardization_.of_inputs(x)
        with autocast(x.device, self.precision_):
            return self.module_(channels_last(x)).float()

    def _restored(self, output: Tensor) -> Tensor:
        """Return the output in the units of the data, for callbacks that look at it."""
        if self.standardization_ is None or not self._observed:
            return output
        return self.standardization_.restored(output)
