"""The door out: where it leads, and where it never does."""

import ipaddress
import threading

import pytest

from app.core.outbound import CannotSend, Outbound, check_url, is_public

PRIVATE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "192.0.0.8", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "203.0.113.7",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a00:1", "64:ff9b:1::1",
    "2002:7f00:1::", "2001:0:1::1", "2001:db8::1", "fc00::1", "fd12:3456::1", "fe80::1", "fec0::1", "ff02::1",
    "::127.0.0.1", "::10.0.0.1", "::1.1.1.1",
]  # fmt: skip


@pytest.mark.parametrize("text", PRIVATE)
def test_an_address_that_is_not_of_the_open_internet_is_never_reached(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))
    with pytest.raises(CannotSend, match="address_not_public"):
        Outbound(resolve=lambda host, port: [text]).post("https://centre.example/hook", b"{}", {})


@pytest.mark.parametrize("text", ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_an_address_of_the_open_internet_may_be_reached(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


def test_one_bad_address_among_good_ones_is_enough_to_refuse() -> None:
    with pytest.raises(CannotSend, match="address_not_public"):
        Outbound(resolve=lambda host, port: ["1.1.1.1", "10.0.0.1"]).addresses("centre.example", 443)


@pytest.mark.parametrize(
    "url",
    [
        "", "x", "http://centre.example/", "ftp://centre.example/", "//centre.example/", "https://", "https:///x",
        "https://localhost/", "https://localhost./", "https://a.localhost/", "https://printer.local/",
        "https://db.internal/", "https://intranet/", "https://127.0.0.1/", "https://1.1.1.1/", "https://[::1]/",
        "https://[::ffff:7f00:1]/", "https://2130706433/", "https://0x7f000001/", "https://0177.0.0.1/",
        "https://127.1/", "https://user:word@centre.example/", "https://user@centre.example/",
        "https://centre.example/#part", "https://centre.example:22/", "https://centre.example:0/",
        "https://centre.example:99999/", "https://centre.example:x/", "https://centre.example/ space",
        "https://centre.example\\@127.0.0.1/", "https://центр.example/", "https://centre.example/\n", "https://a..b/",
        "https://centre.example/" + "a" * 500, "javascript:alert(1)", "https://abc.onion/", "https://x.test/",
    ],
)  # fmt: skip
def test_a_url_that_is_no_public_https_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError) as refused:
        check_url(url)
    assert "centre" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    ["https://centre.example/hook?token=a", "https://xn--80akhbyknj4f.example/", "https://centre.example:8443/a%20b"],
)
def test_a_public_https_address_is_taken(url: str) -> None:
    check_url(url)


def test_a_resolver_that_does_not_answer_ends_with_the_deadline() -> None:
    """`getaddrinfo` itself has no limit; nobody waits for it longer than for the whole exchange."""
    gate = threading.Event()
    outbound = Outbound(resolve=lambda host, port: [str(gate.wait(30))], timeout=0.05)
    with pytest.raises(CannotSend, match="too_slow"):
        outbound.post("https://centre.example/hook", b"{}", {})
    gate.set()


def test_a_resolver_that_finds_nothing_is_told_apart() -> None:
    def nothing(_host: str, _port: int) -> list[str]:
        raise OSError

    with pytest.raises(CannotSend, match="name_not_found"):
        Outbound(resolve=nothing).post("https://centre.example/hook", b"{}", {})
