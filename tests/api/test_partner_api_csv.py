"""`GET /v1/referrals.csv`: the pages of the list as a table, without names, that no spreadsheet calculates."""

import csv
import io
from typing import Any

import httpx

from app.referrals import tabular_export
from tests.support.partners import OTHER, Network

SECRETS = ("Тестовая", "Анна", "+48 600 000 000", "Меня вызвали")


def rows(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_a_page_is_a_table_and_link_leads_to_the_next(network: Network):
    offered = {network.offer(story="Меня вызвали на допрос") for _ in range(3)}
    network.offer(OTHER)
    first = network.get("/v1/referrals.csv?limit=2")
    assert first.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    target = first.headers["link"].partition(">")[0].removeprefix("<")
    second = network.get(target)
    assert "link" not in second.headers
    found = rows(first) + rows(second)
    assert [len(rows(first)), len(rows(second))] == [2, 1]
    assert {row["id"] for row in found} == offered
    assert list(found[0]) == ["id", "version", *tabular_export.COLUMNS]
    assert not any(secret in first.text + second.text for secret in SECRETS)


def test_it_says_what_the_list_says(network: Network):
    referral = network.offer()
    network.act(referral, "accept")
    (row,) = rows(network.get("/v1/referrals.csv?state=accepted"))
    told = network.get(f"/v1/referrals/{referral}").json()
    assert (row["request"], row["version"], row["state"]) == (told["label"], str(told["version"]), "accepted")
    assert (row["country"], row["needs"], row["languages"]) == ("PL", "asylum", "ru")
    assert rows(network.get("/v1/referrals.csv?state=offered")) == []


def test_no_cell_is_a_formula(network: Network, monkeypatch: Any):
    from app.api import referrals

    network.offer()
    monkeypatch.setattr(referrals.tabular_export, "cells", lambda row: ["=1+1", "@x", *[None] * 14])
    (row,) = rows(network.get("/v1/referrals.csv"))
    assert (row["request"], row["service"]) == ("'=1+1", "'@x")


def test_it_asks_for_what_the_list_asks_for(network: Network):
    refused = network.get("/v1/referrals.csv?state=nowhere")
    assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")
    assert network.get("/v1/referrals.csv", who="bot").status_code == 403
