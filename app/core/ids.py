"""Ids. Rows about people have random ids, which do not reveal a time; rows loaded from a file have ids derived from their name."""

from functools import lru_cache
from typing import Final
from uuid import UUID, uuid5

_NAMESPACE: Final = UUID("6f1b7f3e-6a0c-5d0a-9d53-6d1f0f6b0a11")


@lru_cache(maxsize=8192)
def named_id(kind: str, slug: str) -> UUID:
    """The id (UUIDv5) of a thing that has a slug: the same in every installation of the service."""
    return uuid5(_NAMESPACE, f"{kind}:{slug}")
