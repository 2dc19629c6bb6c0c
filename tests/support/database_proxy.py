"""A way to PostgreSQL over TCP that can freeze: what is sent is taken and nothing comes back, as from a stopped server."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from sqlalchemy.engine import URL

_ENCRYPTION: Final = {80877103, 80877104}  # TLS and GSSAPI are asked for first


class Proxy:
    """Listens on a port of the loopback. `startups`: what each client asked for as it began; `prepared`: names of statements."""

    def __init__(self, server: URL) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._answers = threading.Event()
        self._answers.set()
        self._open: list[socket.socket] = []
        self.startups: list[dict[str, str]] = []
        self.prepared: list[str] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def url(self, **query: str) -> str:
        """The address of the same database, by this way."""
        way = self._server.set(host="127.0.0.1", port=self.port, query=query)
        return way.render_as_string(hide_password=False)

    def freeze(self) -> None:
        self._answers.clear()

    def thaw(self) -> None:
        self._answers.set()

    def close(self) -> None:
        self._answers.set()
        for one in (self._listener, *self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                server = self._connect()
                self._open += [client, server]
                threading.Thread(target=self._forward, args=(client, server), daemon=True).start()
                threading.Thread(target=self._answer, args=(server, client), daemon=True).start()

    def _connect(self) -> socket.socket:
        host, port = self._server.query.get("host") or self._server.host, self._server.port or 5432
        if isinstance(host, str) and host.startswith("/"):
            made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            made.connect(f"{host}/.s.PGSQL.{self._server.query.get('port') or port}")
            return made
        return socket.create_connection((str(host), port))

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        """Pass on whole messages, and note what is asked."""
        with suppress(OSError, EOFError), client.makefile("rb") as read:
            while True:
                size = int.from_bytes(_exactly(read, 4))
                body = _exactly(read, size - 4)
                if int.from_bytes(body[:4]) in _ENCRYPTION:
                    client.sendall(b"N")
                    continue
                words = body[4:].split(b"\0")
                pairs = zip(words[::2], words[1::2], strict=False)
                self.startups.append({name.decode(): value.decode() for name, value in pairs if name})
                server.sendall(size.to_bytes(4) + body)
                break
            while True:
                kind = _exactly(read, 1)
                size = int.from_bytes(_exactly(read, 4))
                body = _exactly(read, size - 4)
                if kind == b"P":
                    self.prepared.append(body.split(b"\0", 1)[0].decode())
                server.sendall(kind + size.to_bytes(4) + body)
        with suppress(OSError):
            server.close()

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                self._answers.wait()
                client.sendall(data)
        with suppress(OSError):
            client.close()


def _exactly(read: object, count: int) -> bytes:
    data: bytes = read.read(count)  # type: ignore[attr-defined]
    if len(data) < count:
        raise EOFError
    return data


@contextmanager
def proxy_to(server: URL) -> Iterator[Proxy]:
    made = Proxy(server)
    try:
        yield made
    finally:
        made.close()
