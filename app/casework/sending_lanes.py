"""Threads that send notices, one for each way that has something to send."""

import contextvars
import threading
from collections.abc import Callable
from concurrent import futures
from concurrent.futures import Future


class Lanes:
    """`waits`: seconds that a round waits for its threads before it goes on; None: until all have ended.

    Only the thread of the rounds calls these methods.
    """

    def __init__(self, waits: float | None = None) -> None:
        self._waits = waits
        self._running: dict[str, Future[int]] = {}

    def is_busy(self, lane: str) -> bool:
        return lane in self._running

    def start(self, lane: str, send: Callable[[], int]) -> None:
        """Send in a thread that ends with the process; what it has not recorded by then is sent again."""
        future: Future[int] = Future()
        self._running[lane] = future
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(_run, future, send), name="way", daemon=True).start()

    def collect(self) -> int:
        """How many were sent by the threads that have ended by now. Raises what one of them has raised."""
        return self._ended_within(self._waits)

    def finish(self, seconds: float) -> int:
        """The same, waiting so long for all of them."""
        return self._ended_within(seconds)

    def _ended_within(self, seconds: float | None) -> int:
        ended, _others = futures.wait(self._running.values(), timeout=seconds)
        self._running = {lane: future for lane, future in self._running.items() if future not in ended}
        return sum(future.result() for future in ended)


def _run(future: Future[int], send: Callable[[], int]) -> None:
    try:
        future.set_result(send())
    except BaseException as error:  # noqa: BLE001  raised again by `collect`
        future.set_exception(error)
