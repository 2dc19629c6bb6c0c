"""What the clock starts: referrals that are due, messages to send, things to forget. Any number of workers may run."""

from app.worker.loop import Worker

__all__ = ["Worker"]
