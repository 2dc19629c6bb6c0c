"""The outbox: what is to be told to whom, written in the caller's transaction and sent afterwards by the worker.

A message names an event and an id; its words are made when it is sent, from templates, and hold no name and no story.
"""

from app.messaging.outbox import news, queue

__all__ = ["news", "queue"]
