"""Outbound HTTP requests to URLs that somebody else chose, protected against server-side request forgery (SSRF).

The host name is resolved here and the connection goes to the address that was checked, so DNS rebinding has no effect. Only
https to public addresses is allowed, redirects are not followed, one deadline covers the whole exchange against slow peers, and
only the status of the response is read.
"""

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final

import certifi
import httpcore
import httpx

TIMEOUT_SECONDS: Final = 10.0
"""The time limit of a whole exchange."""
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
    """The request did not arrive, or it is not known whether it did. `code` is a short code without an address."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def is_public(address: Address) -> bool:
    """Whether this address is on the public internet; an IPv4 address inside an IPv6 address is checked itself."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    if isinstance(address, IPv6Address) and int(address) >> 32 == 0:
        return False  # `::127.0.0.1`: an IPv4 address in the old compatible form, which no host of the internet has
    same_kind = (network for network in _FORBIDDEN if network.version == address.version)
    return address.is_global and not address.is_multicast and not any(address in network for network in same_kind)


def check_url(text: str) -> None:
    """Raises ValueError, with a message that does not repeat the input, unless this is an https URL with a public host name.

    The addresses of the host are checked at each connection.
    """
    if not 0 < len(text) <= _MAX_URL_LENGTH or not all("!" <= character <= "~" for character in text) or "\\" in text:
        raise ValueError(f"An address has at most {_MAX_URL_LENGTH} visible ASCII characters.")
    try:
        url = httpx.URL(text)
        port = url.port
    except (httpx.InvalidURL, ValueError):
        raise ValueError("This is not a valid address.") from None
    if url.scheme != "https":
        raise ValueError("Only https is accepted.")
    if url.userinfo or url.fragment:
        raise ValueError("The address must not contain a user name or a fragment.")
    if port not in {None, 443} and not 1024 <= (port or 0) <= 65_535:
        raise ValueError("The port must be 443, or 1024 or above.")
    host = url.host.rstrip(".").lower()
    if _is_literal(host) or "." not in host or not all(host.split(".")) or host.endswith(_LOCAL_NAMES):
        raise ValueError("The host must be a public name.")


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return host.replace(".", "").isdigit() or host.startswith("0x")
    return True


def resolve(host: str, port: int) -> Iterable[str]:
    """All addresses of a host name. Raises OSError."""
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Outbound:
    """Sends POST requests. `loopback_in_tests` allows a test's receiver on this machine, also over http; no setting does."""

    def __init__(
        self,
        *,
        resolve: Resolver = resolve,
        monotonic: Callable[[], float] = time.monotonic,
        timeout: float = TIMEOUT_SECONDS,
        loopback_in_tests: bool = False,
    ) -> None:
        self._resolve = resolve
        self._monotonic = monotonic
        self._timeout = timeout
        self._loopback = loopback_in_tests

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=certifi.where())

    def post(self, text: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Send the body and return the status of the response, which may be a redirect. Raises CannotSend."""
        url = httpx.URL(text)
        if url.scheme != "https" and not self._loopback:
            raise CannotSend("not_https")
        deadline = self._monotonic() + self._timeout
        sent = [(b"Host", url.netloc), *((name.encode(), value.encode()) for name, value in headers.items())]
        sent.append((b"Content-Length", str(len(body)).encode()))
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        try:
            with (
                httpcore.ConnectionPool(
                    self._tls, max_connections=1, network_backend=_CheckedBackend(self, deadline)
                ) as pool,
                pool.stream("POST", target, headers=sent, content=body) as answer,
            ):
                return int(answer.status)
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            raise CannotSend(_code_of(error)) from None

    def addresses(self, host: str, port: int, deadline: float | None = None) -> list[str]:
        """The addresses of a host name. Raises CannotSend unless all of them are public, and when the deadline passes first.

        The system's resolver cannot be given a time limit. It runs in a thread that nobody waits for longer.
        """
        resolved: list[str] = []
        failed: list[Exception] = []

        def look_up() -> None:
            try:
                resolved.extend(dict.fromkeys(self._resolve(host, port)))
            except Exception as error:  # noqa: BLE001  told by the caller's thread
                failed.append(error)

        thread = threading.Thread(target=look_up, name="resolver", daemon=True)
        thread.start()
        thread.join(self._timeout if deadline is None else self.seconds_left(deadline))
        if thread.is_alive():
            raise CannotSend("too_slow")
        if failed and not isinstance(failed[0], OSError):
            raise failed[0]
        if failed:
            raise CannotSend("name_not_found")
        addresses = list(resolved)
        parsed = [ipaddress.ip_address(text.partition("%")[0]) for text in addresses]
        if not parsed or not all(self._may_reach(address) for address in parsed):
            raise CannotSend("address_not_public")
        return addresses

    def seconds_left(self, deadline: float) -> float:
        """The seconds until the deadline. Raises CannotSend when it has passed."""
        seconds = deadline - self._monotonic()
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
    """Connects to the checked addresses of a host one after the other, until the deadline."""

    def __init__(self, outbound: Outbound, deadline: float) -> None:
        self._outbound = outbound
        self._deadline = deadline
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
        for address in self._outbound.addresses(host, port, self._deadline):
            seconds = min(self._outbound.seconds_left(self._deadline), _CONNECT_TIMEOUT_SECONDS)
            try:
                stream = self._plain.connect_tcp(address, port, seconds, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
            else:
                return _DeadlineStream(stream, self._outbound, self._deadline)
        raise last


class _DeadlineStream(httpcore.NetworkStream):
    """A stream whose every read and write ends with the deadline of the whole exchange."""

    def __init__(self, stream: httpcore.NetworkStream, outbound: Outbound, deadline: float) -> None:
        self._stream = stream
        self._outbound = outbound
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, self._outbound.seconds_left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, self._outbound.seconds_left(self._deadline))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._outbound.seconds_left(self._deadline))
        return _DeadlineStream(stream, self._outbound, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
