"""The outbox: notices to send, written in the caller's transaction and sent afterwards by the worker.

A message stores an event and an id; its text is rendered when it is sent and holds no name and no story.
"""

from app.messaging.outbox import notify_person, queue

__all__ = ["notify_person", "queue"]
