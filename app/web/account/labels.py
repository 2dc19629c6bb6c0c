"""Labels for each code on the pages of members and proposals: English message ids of the staff's domain.

Each table of a closed vocabulary has a row for each code, or the program does not start. Templates know it as `account_labels`.
"""

from types import MappingProxyType
from typing import Final

from app.core.i18n import N_
from app.core.vocabulary import complete
from app.partners.oauth_clients import SCOPES as SCOPE_CODES
from app.staff import proposal_rules
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
    proposal_rules.ProposalKind,
    {
        "new_member": N_("New member"),
        "member_return": N_("Reset of a lost passphrase or code app"),
        "new_role": N_("New role"),
        "key_grant": N_("Grant of a key"),
        "organisation_key": N_("New organisation key"),
        "new_admin": N_("New admin"),
        "bulk_export": N_("Bulk export"),
        "automatic_offers": N_("Automatic offers"),
        "service_weight": N_("Weight of a service in the rotation"),
        "api_client": N_("Program of an organisation, or a new secret for one"),
        "new_team": N_("New team"),
        "team_key": N_("First key of a team"),
    },
)
PROPOSAL_OPENS: Final = complete(
    proposal_rules.ProposalKind,
    {
        "new_member": N_(
            "Somebody joins with an invitation code. They can read the cases of the team, or the requests that the organisation "
            "has accepted, once a colleague has compared their fingerprint and granted them the key."
        ),
        "member_return": N_(
            "The member chooses a new passphrase. Their present sign-in stops working and their keys are removed. They can read "
            "cases again once a colleague has compared their fingerprint and granted them the key. If they have not lost "
            "anything, somebody else may be trying to take their place: stop it. If nobody else holds the key, only the recovery "
            "key can grant it again."
        ),
        "new_role": N_("As a senior the member can approve proposals, and do everything that seniors do."),
        "key_grant": N_(
            "The member can read every case of the team, or every request that the organisation has accepted, also older ones."
        ),
        "organisation_key": N_(
            "Requests that are sent to the organisation from then on are encrypted with the new key, and older ones when somebody "
            "opens them. Anyone who has the private key can read them."
        ),
        "new_admin": N_("An admin can propose members, and approve what others propose. An admin holds no key."),
        "bulk_export": N_("A file with the audit entries of one month, as codes. It contains no names and no stories."),
        "automatic_offers": N_(
            "New cases of this country and urgency are offered to organisations without a coordinator, or no longer. Only "
            "organisations that the person agreed to are asked. Nobody can read more than before."
        ),
        "service_weight": N_(
            "Among services that fit a case equally well, this one gets the first place more often, or less often. All counts of "
            "the rotation begin again. Nobody can read more than before."
        ),
        "api_client": N_(
            "Software with the secret reads the organisation's requests and answers them in its name. It can read sealed parts "
            "only with the organisation's private key. The secret is shown once, to the person who carries this out."
        ),
        "new_team": N_(
            "The team gets these countries, and its first senior joins with an invitation code. It takes no request until it has a "
            "key, which is proposed separately."
        ),
        "team_key": N_(
            "From then on people in the countries of the team can send requests, and this senior can read all of them. The "
            "recovery key holds the key too."
        ),
    },
)
"""What a proposal opens, for those who decide about it."""
PROPOSAL_FIELDS: Final = MappingProxyType(
    {
        "name": N_("Sign-in name"),
        "role": N_("Role"),
        "place": N_("Team or organisation"),
        "organisation": N_("Organisation"),
        "member_fingerprint": N_("Fingerprint of the member's key"),
        "fingerprint": N_("Fingerprint of the organisation's own key"),
        "what": N_("What"),
        "month": N_("Month"),
        "country": N_("Country"),
        "urgency": N_("Urgency"),
        "after": N_("New cases are offered automatically"),
        "service": N_("Service"),
        "weight": N_("Weight"),
        "client": N_("Program ID"),
        "scopes": N_("What the program may do"),
        "act": N_("What is proposed"),
        "team": N_("Team"),
        "title": N_("Name of the team"),
        "countries": N_("Countries"),
        "zone": N_("Time zone"),
        "language": N_("Language of the invitation"),
    }
)
AUTOMATIC_OFFERS: Final = MappingProxyType(
    {
        "at_once": N_("immediately"),
        "1h": N_("if no coordinator takes them within one hour"),
        "4h": N_("if no coordinator takes them within four hours"),
        "24h": N_("if no coordinator takes them within a day"),
        "by_hand": N_("never: a coordinator makes each offer"),
        "operator": N_("as the operator of this installation has set it"),
    }
)
"""The choices of `automatic_offers.WAITS`, and the way back."""
API_CLIENT_ACTS: Final = MappingProxyType({"add": N_("a new program"), "rotate": N_("a new secret")})
SCOPES: Final = complete(
    SCOPE_CODES,
    {
        "referrals:read": N_("Read the requests that are offered to the organisation"),
        "referrals:contact": N_("Fetch contact and story of accepted requests, encrypted for the organisation's key"),
        "referrals:write": N_("Answer requests"),
        "referrals:create": N_("Refer people to the network"),
        "events:read": N_("Read what has changed"),
        "webhooks:manage": N_("Set where changes are sent"),
        "intakes:create": N_("Send requests of people, as a front end"),
    },
)
EXPORTS: Final = MappingProxyType({"audit": N_("Audit (codes only)")})
