"""The outbox: notices to send, written in the caller's transaction and sent afterwards by the worker.

A message stores an event and an id; its text is rendered when it is sent and holds no name and no story.
"""

from app.messaging.outbox import news, queue

__all__ = ["news", "queue"]
