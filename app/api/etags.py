"""Entity tags (RFC 9110, section 8.8.3), also as proxies that compress rewrite them: `W/"2"` (nginx), `"2-gzip"` (Caddy)."""

import re
from typing import Final

_TAG: Final = re.compile(r'(?:W/)?"([^"]*?)(?:-(?:gzip|br|zstd|deflate))?"')


def of_version(version: int) -> str:
    """The ETag of a version."""
    return f'"{version}"'


def version_in(header: str) -> int | None:
    """The version in an If-Match header; -1, which never matches, for an ETag that is not ours; None if the header is not one ETag.

    A weak tag counts: our version numbers the content, which a proxy that compresses it does not change.
    """
    tag = _TAG.fullmatch(header.strip())
    if tag is None:
        return None
    return int(tag[1]) if re.fullmatch(r"\d{1,9}", tag[1], re.ASCII) else -1


def is_in(header: str, tag: str) -> bool:
    """Whether an If-None-Match header holds this tag, or `*`."""
    ours = _TAG.fullmatch(tag)
    known = {match[1] for match in _TAG.finditer(header)}
    return header.strip() == "*" or (ours is not None and ours[1] in known)
