"""Export, erasure and retention: what the person may demand, and what happens by itself when its time has come.

It knows every other package and none of them knows it: each offers what it holds of a case, only here it is called together.
"""

from app.privacy.retention import RetentionPeriods, reschedule
from app.privacy.service import erase, export, forget_due, withdraw

__all__ = ["RetentionPeriods", "erase", "export", "forget_due", "reschedule", "withdraw"]
