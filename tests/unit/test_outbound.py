"""The door out: where it leads, and where it never does."""

import ipaddress
import time

import pytest

from app.core.outbound import CannotSend, Outbound, check_url, is_public
from tests.support.receiver import receiving

PRIVATE = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "192.0.0.8", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "203.0.113.7",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a00:1", "64:ff9b:1::1",
    "2002:7f00:1::", "2001:0:1::1", "2001:db8::1", "fc00::1", "fd12:3456::1", "fe80::1", "fec0::1", "ff02::1",
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


def test_only_a_test_that_says_so_reaches_this_machine_or_speaks_plain_http() -> None:
    with receiving() as receiver:
        assert Outbound(loopback_in_tests=True).post(receiver.url, b"{}", {"X-One": "1"}) == 204
        with pytest.raises(CannotSend, match="not_https"):
            Outbound().post(receiver.url, b"{}", {})
        with pytest.raises(CannotSend, match="address_not_public"):
            Outbound().post(receiver.url.replace("http:", "https:"), b"{}", {})
    headers, body = receiver.came[0]
    assert (headers["x-one"], headers["content-length"], body) == ("1", "2", b"{}")
    assert headers["host"] == receiver.url.split("/")[2]
    assert len(receiver.came) == 1


def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    """A name that points to a public address when it is looked up, and to us a moment later: looked up once, never again."""
    told = iter([["127.0.0.1"], ["10.0.0.1"]])
    with receiving() as receiver:
        port = receiver.url.split("/")[2].rpartition(":")[2]
        outbound = Outbound(resolve=lambda host, _port: next(told), loopback_in_tests=True)
        assert outbound.post(f"http://rebinding.example:{port}/hook", b"{}", {}) == 204
        with pytest.raises(CannotSend, match="address_not_public"):
            outbound.post(f"http://rebinding.example:{port}/hook", b"{}", {})
    assert [headers["host"] for headers, _ in receiver.came] == [f"rebinding.example:{port}"]


def test_a_redirect_is_not_followed() -> None:
    with receiving() as receiver, receiving() as elsewhere:
        receiver.answers.append(302)
        receiver.headers_of_answers["Location"] = elsewhere.url
        assert Outbound(loopback_in_tests=True).post(receiver.url, b"{}", {}) == 302
        assert (len(receiver.came), elsewhere.came) == (1, [])


def test_a_peer_that_says_nothing_is_left_after_the_deadline() -> None:
    with receiving() as receiver:
        receiver.answers.append(-20)
        began = time.monotonic()
        with pytest.raises(CannotSend, match="too_slow"):
            Outbound(loopback_in_tests=True, longest=0.4).post(receiver.url, b"{}", {})
        assert time.monotonic() - began < 10


def test_a_peer_that_drips_is_left_after_the_same_deadline() -> None:
    """Each byte comes soon after the last; all together would take for ever."""
    import socket
    import threading

    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            peer, _ = server.accept()
            with peer:
                peer.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                for _ in range(400):
                    try:
                        peer.sendall(b"a")
                    except OSError:
                        return
                    time.sleep(0.1)

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        began = time.monotonic()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        with pytest.raises(CannotSend, match="too_slow"):
            Outbound(loopback_in_tests=True, longest=0.5).post(url, b"{}", {})
        assert time.monotonic() - began < 20
        thread.join(5)


def test_nobody_there_and_no_such_name() -> None:
    with receiving() as receiver:
        url = receiver.url
    with pytest.raises(CannotSend, match="can_not_connect"):
        Outbound(loopback_in_tests=True).post(url, b"{}", {})

    def unknown(_host: str, _port: int) -> list[str]:
        raise OSError

    with pytest.raises(CannotSend, match="name_not_found"):
        Outbound(resolve=unknown).post("https://nowhere.example/", b"{}", {})
