"""What run_async and encode return: results that can be waited for, and awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterable
from typing import Any, Protocol, Self

from mpsg._mpsg import Tensor


class _Completion(Protocol):
    def done(self) -> bool: ...
    def wait(self, timeout: float | None = None) -> bool: ...
    def add_done_callback(self, callback: Callable[[], object]) -> None: ...


async def _ended(completion: _Completion) -> None:
    loop = asyncio.get_running_loop()
    future = loop.create_future()

    def finish() -> None:
        if not future.done():
            future.set_result(None)

    def tell() -> None:
        try:
            loop.call_soon_threadsafe(finish)
        except RuntimeError:
            pass  # the loop is closed: nobody waits any more

    completion.add_done_callback(tell)
    await future
    completion.wait()


class _Results:
    """What both kinds of results have: the end of their run."""

    __slots__ = ()
    _completion: _Completion

    def done(self) -> bool:
        """Has the run ended, well or not?"""
        return self._completion.done()

    def wait(self, timeout: float | None = None) -> bool:
        """Until the run has ended; raises its error. False: `timeout` seconds were over before."""
        return self._completion.wait(timeout)

    def add_done_callback(self, callback: Callable[[], object]) -> None:
        """Calls callback() on a thread of the runtime when the run has ended."""
        self._completion.add_done_callback(callback)

    def __await__(self) -> Generator[Any, None, Self]:
        yield from _ended(self._completion).__await__()
        return self


class AsyncResults(_Results, dict[Tensor, Any]):
    """{tensor: TensorData} of a run that may not have ended.

    A TensorData waits when it is read. Memory that the caller gave for a result is the caller's
    own array: `wait` (or `await`) before it is read::

        results = graph.run_async({x: batch}, [y])
        ...                       # something else
        results[y].numpy()        # waits for the run

        results = await graph.run_async({x: batch}, [y])
    """

    __slots__ = ("_completion",)

    def __init__(self, values: dict[Tensor, Any], completion: _Completion) -> None:
        super().__init__(values)
        self._completion = completion


class AsyncResultList(_Results, list[Any]):
    """As AsyncResults, in the order of an executable's target_tensors."""

    __slots__ = ("_completion",)

    def __init__(self, values: Iterable[Any], completion: _Completion) -> None:
        super().__init__(values)
        self._completion = completion
