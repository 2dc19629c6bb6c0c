"""The address that a request really came from, behind the reverse proxies that this installation trusts.

A proxy adds the address that it was called from to a header; a caller can send such a header too. So the header counts only
if the connection comes from a trusted proxy, it is read from the right, and the first address that is not a trusted proxy's is the
sender's. Addresses further left may be made up.

There is often no real sender: an onion service, a proxy that says nothing, an address of a private network. Then the answer is
None, and no rule may count such requests as those of one person.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from starlette.requests import HTTPConnection

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
ProxyHeader = Literal["x-forwarded-for", "forwarded"]
UNIX: Final = "unix"
_MOST_HOPS: Final = 16
_FORWARDED_FOR: Final = re.compile(r'(?:^|;)\s*for=(?:"([^"]*)"|([^;\s"]*))\s*(?=;|$)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """The proxies that are trusted to report the caller's address.

    `networks`: their addresses. `unix`: a caller on a unix socket is one. `header`: the one header that they write.
    """

    networks: tuple[IpNetwork, ...] = ()
    unix: bool = False
    header: ProxyHeader = field(default="x-forwarded-for")

    @classmethod
    def parse(cls, texts: Iterable[str], header: ProxyHeader = "x-forwarded-for") -> "TrustedProxies":
        """From addresses, networks like `172.16.0.0/12`, and `unix`. Raises ValueError."""
        stated = [text.strip() for text in texts if text.strip()]
        networks = tuple(ipaddress.ip_network(text) for text in stated if text != UNIX)
        if any(network.prefixlen == 0 for network in networks):
            raise ValueError("a trusted proxy cannot be the whole internet")
        return cls(networks, UNIX in stated, header)

    def trusts(self, address: IpAddress) -> bool:
        return any(address in network for network in self.networks)


def sender(connection: HTTPConnection, trusted: TrustedProxies) -> str | None:
    """The sender as text, for counting: an IPv4 address, or the /64 network of an IPv6 one. None: there is no real sender."""
    host = connection.client.host if connection.client else ""
    peer = _parsed(host)
    if (peer is None and not (trusted.unix and not host)) or (peer is not None and not trusted.trusts(peer)):
        return _counted(peer)
    for text in _hops(connection.headers.getlist(trusted.header), trusted.header):
        hop = _parsed(_without_port(text))
        if hop is None:
            return None  # `unknown`, a name that hides it, or nonsense: nothing further left is to be believed
        if not trusted.trusts(hop):
            return _counted(hop)
    return None


def _hops(headers: list[str], header: ProxyHeader) -> list[str]:
    """The hops as the proxies wrote them, the last one first."""
    elements = [element.strip() for element in ",".join(headers).split(",")][-_MOST_HOPS:]
    elements.reverse()
    if header == "x-forwarded-for":
        return elements
    matches = (_FORWARDED_FOR.search(element) for element in elements)
    return ["" if match is None else match[1] or match[2] or "" for match in matches]


def _without_port(text: str) -> str:
    """The address in `192.0.2.1`, `192.0.2.1:443`, `[2001:db8::1]`, `[2001:db8::1]:443` or `2001:db8::1`."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def _parsed(text: str) -> IpAddress | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _counted(address: IpAddress | None) -> str | None:
    """A public address, or None: a private or loopback address is a gateway's or a local proxy's, not one sender's."""
    if address is None or not address.is_global:
        return None
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else str(address)
