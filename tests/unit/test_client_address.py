"""Who sent a request: a forwarded header counts from a trusted proxy only, and from the right."""

from typing import Any

import pytest
from starlette.requests import HTTPConnection

from app.core.client_address import TrustedProxies, sender

PROXIES = TrustedProxies.parse(["10.0.0.1", "172.16.0.0/12", "2a00:1450::/32"])
PERSON, OTHER = "93.184.216.34", "8.8.4.4"


def connection(peer: str | None, *headers: tuple[str, str]) -> HTTPConnection:
    scope: dict[str, Any] = {
        "type": "http",
        "client": None if peer is None else (peer, 1234),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }
    return HTTPConnection(scope)


def via(peer: str | None, *forwarded: str) -> HTTPConnection:
    return connection(peer, *(("x-forwarded-for", value) for value in forwarded))


@pytest.mark.parametrize(
    ("forwarded", "found"),
    [
        ((PERSON,), PERSON),
        ((f"{OTHER}, {PERSON}",), PERSON),  # what the sender put in stands left
        ((OTHER, PERSON), PERSON),  # two headers are one list
        ((f"{OTHER}, {PERSON}, 172.17.0.9",), PERSON),  # past a trusted hop
        ((f"{PERSON}:51234",), PERSON),
        (("2606:4700:1:2:3:4:5:6",), "2606:4700:1:2::/64"),
        (("[2606:4700:1:2:3:4:5:6]:443",), "2606:4700:1:2::/64"),
        (("[2606:4700:1:2::9]",), "2606:4700:1:2::/64"),
        ((f"::ffff:{PERSON}",), PERSON),
        ((f"{PERSON}, unknown",), None),
        ((f"{PERSON}, nonsense",), None),
        ((f"{PERSON}, 192.168.1.4",), None),  # a private address that is no proxy of ours
        (("172.17.0.9",), None),
        (("",), None),
        ((), None),
        ((", ".join([PERSON] + ["172.17.0.9"] * 40),), None),
    ],
)
def test_behind_a_trusted_proxy(forwarded: tuple[str, ...], found: str | None) -> None:
    assert sender(via("10.0.0.1", *forwarded), PROXIES) == found


@pytest.mark.parametrize("peer", [OTHER, "2606:4700::1"])
def test_from_anybody_else_the_header_is_ignored(peer: str) -> None:
    assert sender(via(peer, PERSON), PROXIES) == sender(via(peer), PROXIES) != PERSON


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "10.0.0.2", "192.168.0.1", "fe80::1%eth0", None, "testclient"])
def test_a_local_caller_that_is_no_trusted_proxy_is_nobody(peer: str | None) -> None:
    assert sender(via(peer, PERSON), PROXIES) is None


def test_a_unix_socket_is_a_proxy_if_the_setting_says_so() -> None:
    assert sender(via(None, PERSON), TrustedProxies.parse(["unix"])) == PERSON
    assert sender(via("", PERSON), TrustedProxies.parse(["unix"])) == PERSON
    assert sender(via("127.0.0.1", PERSON), TrustedProxies.parse(["unix"])) is None


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (f"for={PERSON}", PERSON),
        (f'for={OTHER};proto=https, For="{PERSON}:4711";by=10.0.0.1', PERSON),
        ('proto=https;for="[2606:4700:1:2::9]:443"', "2606:4700:1:2::/64"),
        (f"for={PERSON}, for=_hidden", None),
        (f"for={PERSON}, for=unknown", None),
        (f"for={PERSON}, proto=https", None),
        (f"xfor={PERSON}", None),
    ],
)
def test_the_header_of_rfc_7239(value: str, found: str | None) -> None:
    proxies = TrustedProxies.parse(["10.0.0.1"], "forwarded")
    assert sender(connection("10.0.0.1", ("forwarded", value), ("x-forwarded-for", OTHER)), proxies) == found


def test_only_the_header_that_the_proxy_writes_is_read() -> None:
    assert sender(connection("10.0.0.1", ("forwarded", f"for={OTHER}"), ("x-forwarded-for", PERSON)), PROXIES) == PERSON


@pytest.mark.parametrize("text", ["0.0.0.0/0", "::/0", "proxy.example.org", "10.0.0.1/8", "10.0.0"])
def test_what_is_no_proxy_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        TrustedProxies.parse([text])
