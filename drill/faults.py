"""The faults of a drill. Each returns once writes are acknowledged again and the cluster is whole."""

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import psutil

from drill.clients import Told
from drill.cluster import START_WITHIN, Cluster, DrillFailed, Node
from drill.judge import longest_gap

_LAG: Final = 6.0
"""Seconds for which the primary sends nothing before it is killed."""
_PAUSED: Final = 12.0


@dataclass
class Drill:
    """What a fault works on."""

    cluster: Cluster
    told: Told
    webs: list[psutil.Process]

    def writes_come_back(self, since: float) -> None:
        """Wait until writes that began after `since` are acknowledged. Raises DrillFailed."""
        end = time.monotonic() + START_WITHIN
        while time.monotonic() < end:
            with self.told.lock:
                if sum(1 for at in self.told.acknowledged_at if at > since) >= 3:
                    return
            time.sleep(0.2)
        raise DrillFailed(f"no write was acknowledged within {START_WITHIN:.0f} seconds after a fault")

    def another_takes_over(self, former: Node) -> None:
        """Wait for another primary, and for writes that it acknowledges."""
        self.cluster.wait_for_another_primary(former)
        self.writes_come_back(time.monotonic())

    def gap(self, since: float) -> float:
        with self.told.lock:
            return longest_gap([at for at in self.told.acknowledged_at if at > since - 2])


def kill(drill: Drill) -> None:
    """The primary's machine is gone: `kill -9` of everything on it. It comes back later."""
    primary = drill.cluster.primary()
    drill.cluster.kill(primary)
    drill.another_takes_over(primary)
    drill.cluster.start_node(primary)


def freeze(drill: Drill) -> None:
    """The primary's machine hangs: nothing on it runs, its kernel goes on acknowledging packets. Later it wakes up."""
    primary = drill.cluster.primary()
    primary.send(signal.SIGSTOP)
    try:
        drill.another_takes_over(primary)
    finally:
        primary.send(signal.SIGCONT)


def switch_over(drill: Drill) -> None:
    """The primary is handed over on purpose, as before maintenance."""
    drill.cluster.switch_over()
    drill.writes_come_back(time.monotonic())


def pause(drill: Drill) -> None:
    """One web process is stopped in the middle of whatever it does, and goes on later."""
    web, began = drill.webs[0], time.monotonic()
    web.send_signal(signal.SIGSTOP)
    try:
        drill.writes_come_back(began)
        time.sleep(_PAUSED)
    finally:
        web.send_signal(signal.SIGCONT)


def lag(drill: Drill) -> None:
    """The primary sends nothing to its standbys for some seconds, then it is killed: an asynchronous cluster has to lose what it
    acknowledged meanwhile.
    """
    primary = drill.cluster.primary()
    for sender in primary.wal_senders():
        sender.send_signal(
            signal.SIGSTOP
        )  # not the receivers: what is sent already would wait for them in their kernel
    time.sleep(_LAG)
    drill.cluster.kill(primary)
    drill.another_takes_over(primary)
    drill.cluster.start_node(primary)


FAULTS: Final[dict[str, Callable[[Drill], None]]] = {
    "kill": kill, "freeze": freeze, "switch-over": switch_over, "pause": pause, "lag": lag
}  # fmt: skip
