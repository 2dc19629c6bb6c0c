"""Export, erasure and retention: the person's rights, and the automatic deletion of cases after their retention period.

It may import every domain package and none of them imports it: each offers its own `export` and `forget`, which are called here.
"""

from app.privacy.retention import RetentionPeriods, reschedule
from app.privacy.service import erase, export, forget_due, withdraw
from app.privacy.stubs import delete_stubs

__all__ = ["RetentionPeriods", "delete_stubs", "erase", "export", "forget_due", "reschedule", "withdraw"]
