"""`GET /v1/vocabularies`: every code that an intake may name, with labels, for anybody."""

from app.core.i18n import LANGUAGES
from app.directory.packs import load_packs
from app.intake.vocabulary import GROUPS, HELPS, STATUSES
from tests.support.partners import Network


def test_the_codes_of_an_intake_are_published(network: Network):
    answer = network.http.get("/v1/vocabularies")
    found = answer.json()
    packs = load_packs()
    codes = {name: [entry["code"] for entry in entries] for name, entries in found.items()}
    assert (codes["status"], codes["groups"], codes["helps"]) == (list(STATUSES), list(GROUPS), list(HELPS))
    assert codes["needs"] == [need.id for need in packs.needs]
    assert codes["happened"] == [one.code for one in packs.persecution]
    assert all(tuple(entry["labels"]) == LANGUAGES for entries in found.values() for entry in entries)
    assert all(packs.deadline(kind["country"], kind["code"]) for kind in found["letter_kinds"])
    again = network.http.get("/v1/vocabularies", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    one = network.http.get("/v1/vocabularies?language=de&country=PL").json()
    assert {kind["country"] for kind in one["letter_kinds"]} == {"PL"}
    assert all(list(entry["labels"]) == ["de"] for entries in one.values() for entry in entries)
    for query, word in (("language=xx", "ru"), ("country=XX", "PL")):
        refused = network.http.get(f"/v1/vocabularies?{query}")
        assert (refused.status_code, word in refused.json()["errors"][0]["detail"]) == (422, True)


def test_an_unknown_need_is_no_empty_list(network: Network):
    for path in ("/v1/referrals", "/v1/referrals.csv"):
        refused = network.get(f"{path}?need=asylumm")
        assert refused.status_code == 422
        (error,) = refused.json()["errors"]
        assert (error["pointer"], error["code"]) == ("/query/need", "unknown_code")
        assert "asylum" in error["detail"]
