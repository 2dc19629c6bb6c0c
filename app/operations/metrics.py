"""Metrics for Prometheus, by route template, method and status only. No label depends on a request's content or sender."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from app.operations.status import Status

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """The request counters of one process, and gauges from the status when somebody asks. One per app, not global."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        labels = ("method", "route")
        self._requests = Counter(
            "pristan_requests", "Requests by route template and status.", (*labels, "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "pristan_request_seconds", "Time of a request.", labels, buckets=_BUCKETS, registry=self._registry
        )
        self._gauges = {
            name: Gauge(f"pristan_{name}", words, registry=self._registry) for name, words in _GAUGES.items()
        }
        for gauge in self._gauges.values():
            gauge.set(float("nan"))
        self._problems = Gauge(
            "pristan_problem", "1: somebody should look at this.", ("code",), registry=self._registry
        )

    def observe_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request. `route` is the route template; an uncommon HTTP method is counted as `other`."""
        method = method if method in METHODS else "other"
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def text(self, status: Status | None) -> bytes:
        """The metrics in the Prometheus exposition format. None: what this process counts itself; the gauges stay unknown."""
        if status is None:
            return generate_latest(self._registry)
        ages = {
            "worker_age_seconds": status.worker_at,
            "oldest_message_age_seconds": status.oldest_message_at,
            "oldest_clock_age_seconds": status.oldest_clock_at,
            "backup_age_seconds": status.backup_at,
        }
        for name, since in ages.items():
            self._gauges[name].set((status.at - since).total_seconds() if since else float("nan"))
        self._gauges["messages_waiting"].set(status.messages_waiting)
        self._gauges["messages_dead"].set(status.messages_dead)
        self._gauges["epoch_key_age_seconds"].set(status.epoch_age.total_seconds())
        self._gauges["root_secret_age_seconds"].set(status.root_age.total_seconds())
        self._gauges["honeytoken_reads"].set(status.alarms)
        self._gauges["partner_reads_frozen"].set(status.frozen)
        self._gauges["database_bytes"].set(status.storage.database)
        free = status.storage.disk_free
        self._gauges["disk_free_bytes"].set(float("nan") if free is None else free)
        self._problems.clear()
        for code in status.problems():
            self._problems.labels(code).set(1)
        return generate_latest(self._registry)


_GAUGES: Final = {
    "worker_age_seconds": "Time since the worker's last round.",
    "oldest_message_age_seconds": "How long the oldest waiting message has been due.",
    "oldest_clock_age_seconds": "How long the oldest due referral deadline has been due.",
    "backup_age_seconds": "Time since the last backup.",
    "epoch_key_age_seconds": "Age of the oldest epoch key that still exists.",
    "root_secret_age_seconds": "Age of the root secret.",
    "messages_waiting": "Messages that wait to be sent.",
    "messages_dead": "Messages that were given up.",
    "honeytoken_reads": "Reads of honeytokens in the last 30 days.",
    "database_bytes": "Size of the database.",
    "disk_free_bytes": "Free bytes on the disk of an SQLite database.",
    "partner_reads_frozen": "1 while all reading by partners is stopped.",
}
