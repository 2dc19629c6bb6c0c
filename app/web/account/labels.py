"""What the pages of members and proposals read for each code: English message ids of the staff's domain.

Each table of a closed vocabulary has a row for each code, or the program does not start. Templates know it as `account_labels`.
"""

from types import MappingProxyType
from typing import Final

from app.core.i18n import N_
from app.core.vocabulary import complete
from app.staff import proposals
from app.staff.models import Role

ROLES: Final = complete(
    Role,
    {
        "coordinator": N_("Coordinator"),
        "senior": N_("Senior coordinator"),
        "auditor": N_("Auditor"),
        "admin": N_("Network admin"),
        "partner": N_("Member of a partner"),
    },
)
PROPOSALS: Final = complete(
    proposals.Kind,
    {
        "new_admin": N_("New admin"),
        "organisation_key": N_("New organisation key"),
        "bulk_export": N_("Bulk export"),
    },
)
PROPOSAL_FIELDS: Final = MappingProxyType(
    {
        "name": N_("Sign-in name"),
        "organisation": N_("Organisation"),
        "fingerprint": N_("Fingerprint of the organisation's own key"),
        "what": N_("What"),
        "month": N_("Month"),
    }
)
EXPORTS: Final = MappingProxyType({"audit": N_("Audit (codes only)")})
