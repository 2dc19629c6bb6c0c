"""The network is shut in tests: only this machine's own addresses and Unix sockets can be reached."""

import ipaddress
import sys
from typing import Any, Final

_GOES_OUT: Final = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_LOOKS_UP: Final = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})
_OURS: Final = frozenset({"", "localhost"})


class NetworkIsShut(RuntimeError):
    """A test reached for another machine. No OSError, so that the code under test does not take it for an outage."""


def shut() -> None:
    """For the rest of this process: an audit hook cannot be taken out again, nor got round from Python."""
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if _GOES_OUT is None:  # the interpreter is ending, and has taken this module apart
        return
    if event in _GOES_OUT:
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event in _LOOKS_UP:
        host = arguments[0]
    else:
        return
    if not _is_here(host):
        raise NetworkIsShut(f"the network is shut in tests ({event} to {host!r})")


def _is_here(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if not isinstance(host, str) or host in _OURS:
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback
