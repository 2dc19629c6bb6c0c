"""Who did what to which id, and when: append-only, hash-chained, ids and codes only, reads of sealed parts included.

It is no log of the machine and holds no word of a person; what stands here may be shown to an auditor who may read no case.
"""

from app.audit.service import length, record, shorten, verify

__all__ = ["length", "record", "shorten", "verify"]
