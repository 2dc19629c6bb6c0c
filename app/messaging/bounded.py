"""An exchange with another machine that ends at its deadline, whatever that machine does."""

import threading
from collections.abc import Callable

from app.messaging.channels import SendingFailed


def within(seconds: float, act: Callable[[], None], *, abandon: Callable[[], None]) -> None:
    """Run `act` and wait at most so many seconds; then call `abandon`, which cuts the connection, and raise SendingFailed.

    A time limit of a socket counts from the last byte, and the system's resolver has none. So the exchange runs in a thread
    that nobody waits for longer.
    """
    failed: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001  raised again by the caller's thread
            failed.append(error)

    thread = threading.Thread(target=run, name="exchange", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        abandon()
        raise SendingFailed("too_slow", affects_all=True)
    if failed:
        raise failed[0]
