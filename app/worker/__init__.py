"""The background worker: due referrals, messages to send, data to delete. Any number of workers may run."""

from app.worker.loop import Worker

__all__ = ["Worker"]
