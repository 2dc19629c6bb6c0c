"""Requests that the service sends, against a receiver on this machine: where they connect, and when they are given up."""

import time

import pytest

from app.core.outbound import CannotSend, Outbound
from tests.support.receiver import receiving


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
            Outbound(loopback_in_tests=True, timeout=0.4).post(receiver.url, b"{}", {})
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
            Outbound(loopback_in_tests=True, timeout=0.5).post(url, b"{}", {})
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
