"""Ids. Rows about people have random ids, which tell no time; rows that come from a file have ids made of their name."""

from functools import lru_cache
from typing import Final
from uuid import UUID, uuid5

_NAMESPACE: Final = UUID("6f1b7f3e-6a0c-5d0a-9d53-6d1f0f6b0a11")


@lru_cache(maxsize=8192)
def named_id(kind: str, slug: str) -> UUID:
    """The id of what has a slug, the same in every copy of the service (UUIDv5)."""
    return uuid5(_NAMESPACE, f"{kind}:{slug}")
