"""What a partner's program does, with the client that openapi-python-client generated: token, list, accept, sealed part, events.

Run by `tests.generators` in an environment that has the generated package `partner_client` and its few dependencies, and nothing of
this repository. Argument: the service's address.
"""

import sys
import uuid

from partner_client import AuthenticatedClient, Client
from partner_client.api.events import list_events
from partner_client.api.intakes import create_intake
from partner_client.api.referrals import (
    accept_referral,
    decline_referral,
    get_referral,
    get_sealed,
    list_referrals,
)
from partner_client.api.signing_in import create_token
from partner_client.models import (
    Consent,
    ConsentMode,
    CreateTokenBody,
    DeclineBody,
    DeclineBodyReason,
    Intake,
    IntakeForWhom,
    IntakeHowSoon,
    ListReferralsStateItem,
    Problem,
)


def main(base_url: str) -> None:
    body = CreateTokenBody(
        grant_type="client_credentials", client_id="sandbox", client_secret="published-and-protects-nothing"
    )
    token = create_token.sync(client=Client(base_url), body=body)
    with AuthenticatedClient(base_url, token.access_token, raise_on_unexpected_status=True) as client:
        listed = list_referrals.sync(client=client, state=[ListReferralsStateItem.OFFERED], limit=5)
        first, second = listed.referrals[:2]
        assert not first.label.startswith("SANDBOX-"), "ordinary cases come first"
        detail = get_referral.sync(first.id, client=client)
        accepted = accept_referral.sync(
            first.id, client=client, idempotency_key=str(uuid.uuid4()), if_match=f'"{detail.version}"'
        )
        assert accepted.state == "accepted", accepted
        sealed = get_sealed.sync(first.id, client=client)
        assert sealed.parts, sealed
        declined = decline_referral.sync(
            second.id,
            client=client,
            body=DeclineBody(reason=DeclineBodyReason.NO_CAPACITY),
            idempotency_key=str(uuid.uuid4()),
            if_match=f'"{second.version}"',
        )
        assert declined.state == "declined", declined
        page = list_events.sync(client=client)
        assert page.events[0].data.state == "offered"
        smallest = Intake(
            for_whom=IntakeForWhom.SELF,
            needs=["asylum"],
            how_soon=IntakeHowSoon.WEEK,
            country="PL",
            consent=Consent(mode=ConsentMode.ASK_FIRST),
        )
        refused = create_intake.sync(client=client, body=smallest, idempotency_key=str(uuid.uuid4()))
        assert isinstance(refused, Problem)
        assert refused.type_.endswith("insufficient-scope"), refused
    sys.stdout.write("openapi-python-client: token, list, accept, sealed, decline, events\n")


main(sys.argv[1])
