"""The audit log: who did what to which id, and when, including reads of sealed parts. Append-only and hash-chained.

It holds only ids and codes and no personal data, so an auditor who may not read cases can read it. It is not the technical log.
"""

from app.audit.service import (
    examine,
    length,
    place_all,
    record,
    record_by_person,
    record_once_an_hour,
    shorten,
    verify,
)

__all__ = ["examine", "length", "place_all", "record", "record_by_person", "record_once_an_hour", "shorten", "verify"]
