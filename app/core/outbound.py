"""The only door out: HTTP requests to addresses that somebody else chose.

The name is looked up here and the connection goes to the very address that was checked, so a name that points elsewhere a
moment later (rebinding) gains nothing. Only https to public addresses; redirects are answers like any other; a deadline
covers the whole exchange, so that a peer that drips bytes holds nobody up; of the answer only the status is read.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final

import certifi
import httpcore
import httpx

TIMEOUT_SECONDS: Final = 10.0
"""Seconds for a whole exchange."""
_CONNECT_TIMEOUT_SECONDS: Final = 4.0
_MAX_URL_LENGTH: Final = 500
_FORBIDDEN: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
        "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fc00::/7", "fe80::/10",
        "fec0::/10", "ff00::/8",
    )
)  # fmt: skip
_LOCAL_NAMES: Final = (
    ".localhost",
    ".local",
    ".internal",
    ".intranet",
    ".lan",
    ".home",
    ".corp",
    ".test",
    ".invalid",
    ".onion",
)

Address = IPv4Address | IPv6Address
Resolver = Callable[[str, int], Iterable[str]]


class CannotSend(Exception):
    """It did not arrive, or nobody knows whether it did. `code` is one of a few words; no address is in it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def is_public(address: Address) -> bool:
    """Whether this address belongs to the open internet, whatever way of writing it hides another in it."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    same_kind = (network for network in _FORBIDDEN if network.version == address.version)
    return address.is_global and not address.is_multicast and not any(address in network for network in same_kind)


def check_url(text: str) -> None:
    """Raises ValueError, with a sentence that repeats nothing, unless this is an https address with a public name.

    What the name points to is checked when we connect, each time.
    """
    if not 0 < len(text) <= _MAX_URL_LENGTH or not all("!" <= character <= "~" for character in text) or "\\" in text:
        raise ValueError(f"An address has at most {_MAX_URL_LENGTH} visible ASCII characters.")
    try:
        url = httpx.URL(text)
        port = url.port
    except (httpx.InvalidURL, ValueError):
        raise ValueError("This can not be read as an address.") from None
    if url.scheme != "https":
        raise ValueError("Only https is taken.")
    if url.userinfo or url.fragment:
        raise ValueError("An address has no user name and no fragment.")
    if port not in {None, 443} and not 1024 <= (port or 0) <= 65_535:
        raise ValueError("The port is 443, or 1024 and above.")
    host = url.host.rstrip(".").lower()
    if _is_literal(host) or "." not in host or not all(host.split(".")) or host.endswith(_LOCAL_NAMES):
        raise ValueError("The host is to be a public name.")


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host.replace(".", "").isdigit() or host.startswith("0x")
    return True


def resolve(host: str, port: int) -> Iterable[str]:
    """Every address of a name. Raises OSError."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Outbound:
    """Sends. `loopback_in_tests` lets a test's own receiver on this machine be reached, over http too; no setting does."""

    def __init__(
        self,
        *,
        resolve: Resolver = resolve,
        tick: Callable[[], float] = time.monotonic,
        longest: float = TIMEOUT_SECONDS,
        loopback_in_tests: bool = False,
    ) -> None:
        self._resolve = resolve
        self._tick = tick
        self._longest = longest
        self._loopback = loopback_in_tests

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=certifi.where())

    def post(self, text: str, body: bytes, headers: Mapping[str, str]) -> int:
        """The status of the answer, a redirect's too. Raises CannotSend."""
        url = httpx.URL(text)
        if url.scheme != "https" and not self._loopback:
            raise CannotSend("not_https")
        until = self._tick() + self._longest
        sent = [(b"Host", url.netloc), *((name.encode(), value.encode()) for name, value in headers.items())]
        sent.append((b"Content-Length", str(len(body)).encode()))
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        try:
            with (
                httpcore.ConnectionPool(
                    self._tls, max_connections=1, network_backend=_CheckedBackend(self, until)
                ) as pool,
                pool.stream("POST", target, headers=sent, content=body) as answer,
            ):
                return int(answer.status)
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            raise CannotSend(_code_of(error)) from None

    def addresses(self, host: str, port: int) -> list[str]:
        """Where a name leads: all of it public, or nothing. Raises CannotSend."""
        try:
            found = list(dict.fromkeys(self._resolve(host, port)))
        except OSError:
            raise CannotSend("name_not_found") from None
        parsed = [ipaddress.ip_address(text.partition("%")[0]) for text in found]
        if not parsed or not all(self._may_reach(address) for address in parsed):
            raise CannotSend("address_not_public")
        return found

    def left(self, until: float) -> float:
        """Seconds to the deadline. Raises CannotSend when it is over."""
        seconds = until - self._tick()
        if seconds <= 0:
            raise CannotSend("too_slow")
        return seconds

    def _may_reach(self, address: Address) -> bool:
        return is_public(address) or (self._loopback and address.is_loopback)


def _code_of(error: Exception) -> str:
    if isinstance(error, httpcore.TimeoutException):
        return "too_slow"
    if isinstance(error, httpcore.ConnectError | OSError):
        return "tls_failed" if isinstance(error.__cause__, ssl.SSLError) else "can_not_connect"
    return "broken_answer"


class _CheckedBackend(httpcore.NetworkBackend):
    """Connects to addresses that were checked, one after the other, until the deadline."""

    def __init__(self, outbound: Outbound, until: float) -> None:
        self._outbound = outbound
        self._until = until
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        last: Exception = CannotSend("can_not_connect")
        for address in self._outbound.addresses(host, port):
            seconds = min(self._outbound.left(self._until), _CONNECT_TIMEOUT_SECONDS)
            try:
                stream = self._plain.connect_tcp(address, port, seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
            else:
                return _DeadlineStream(stream, self._outbound, self._until)
        raise last


class _DeadlineStream(httpcore.NetworkStream):
    """A stream whose every read and write ends with the deadline of the whole exchange."""

    def __init__(self, stream: httpcore.NetworkStream, outbound: Outbound, until: float) -> None:
        self._stream = stream
        self._outbound = outbound
        self._until = until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, self._outbound.left(self._until))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, self._outbound.left(self._until))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._outbound.left(self._until))
        return _DeadlineStream(stream, self._outbound, self._until)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
