"""Telling Ctrl-C from a callback that ends a training."""

from __future__ import annotations

import signal
import threading
from types import FrameType

__all__ = ["CtrlC"]


class CtrlC:
    """Record whether Ctrl-C was pressed inside of a ``with`` block.

    skorch's callbacks end a training by raising KeyboardInterrupt, as Ctrl-C does. ``pressed``
    stays False outside of the main thread, which alone gets signals, and where another handler
    is installed.
    """

    pressed = False

    def __enter__(self) -> CtrlC:
        in_main = threading.current_thread() is threading.main_thread()
        self._watches = in_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self._watches:
            signal.signal(signal.SIGINT, self._notice)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._watches:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _notice(self, number: int, frame: FrameType | None) -> None:
        self.pressed = True
        raise KeyboardInterrupt
