"""The same way as `drive.py`, with the Python client that openapi-generator made. Argument: the service's address."""

import sys
import uuid

import openapi_client as partner


def main(base_url: str) -> None:
    with partner.ApiClient(partner.Configuration(host=base_url)) as client:
        token = partner.SigningInApi(client).create_token(
            grant_type="client_credentials", client_id="sandbox", client_secret="published-and-protects-nothing"
        )
    with partner.ApiClient(partner.Configuration(host=base_url, access_token=token.access_token)) as client:
        referrals = partner.ReferralsApi(client)
        first, second = referrals.list_referrals(state=["offered"], limit=5).referrals[:2]
        accepted = referrals.accept_referral(
            referral_id=first.id, idempotency_key=str(uuid.uuid4()), if_match=f'"{first.version}"'
        )
        assert accepted.state == "accepted", accepted
        assert referrals.get_sealed(referral_id=first.id).parts
        declined = referrals.decline_referral(
            referral_id=second.id,
            idempotency_key=str(uuid.uuid4()),
            if_match=f'"{second.version}"',
            decline_body=partner.DeclineBody(reason="no_capacity"),
        )
        assert declined.state == "declined", declined
        assert partner.EventsApi(client).list_events().events[0].data.state == "offered"
    sys.stdout.write("openapi-generator (Python): token, list, accept, sealed, decline, events\n")


main(sys.argv[1])
