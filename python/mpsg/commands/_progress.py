"""How training shows that it goes on, and how it is stopped."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

from mpsg._extras import require


class Progress:
    """A bar with the loss and the speed; without tqdm, a line now and then. On stderr.

    Args:
        total: How many iterations are planned.
        batch: Images in each.
    """

    def __init__(self, total: int, batch: int) -> None:
        self._total = total
        self._batch = batch
        self._done = 0
        self._start = time.perf_counter()
        self._after_first = self._start
        self._bar: Any = None
        try:
            self._bar = require("tqdm", "show").tqdm(total=total, unit="it", desc="Training")
        except ImportError as error:
            print(f"No progress bar: {error}", file=sys.stderr)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.perf_counter() - self._start

    @property
    def images_per_second(self) -> float:
        """Without the first iteration, which compiles, once there is a second."""
        now = time.perf_counter()
        if self._done > 1:
            return (self._done - 1) * self._batch / (now - self._after_first)
        return self._done * self._batch / (now - self._start)

    def advance(self, loss: float) -> None:
        """One iteration more."""
        self._done += 1
        if self._done == 1:
            self._after_first = time.perf_counter()
        text = f"loss {loss:.4f}, {self.images_per_second:,.0f} images/s"
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)
            self._bar.update()
        elif self._done % max(self._total // 10, 1) == 0:
            print(f"{self._done}/{self._total}: {text}", file=sys.stderr)

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.close()


@contextlib.contextmanager
def stop_on_interrupt() -> Iterator[threading.Event]:
    """Within it Ctrl-C sets the event, so that a loop can end between two steps; a second Ctrl-C
    interrupts at once, as elsewhere. Outside the main thread nothing changes.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def request(number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(signal.SIGINT, before)

    # None: a handler that Python does not know, of a program around it.
    before = signal.getsignal(signal.SIGINT) or signal.default_int_handler
    signal.signal(signal.SIGINT, request)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
