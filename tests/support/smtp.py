"""A mail server on a port of this machine: speaks STARTTLS, keeps what it was given, and can hang or refuse."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOST = "localhost"


@dataclass
class FakeMailServer:
    port: int
    certificate: Path
    behaves: str = "well"
    """well, refuses (who is in `refused`, or everybody), hangs, trickles (a greeting without end), plain (no TLS), cuts (in DATA),
    goes (421), forgets (hangs after it has taken a mail), knows_utf8"""
    refused: dict[str, str] = field(default_factory=dict)
    """What is said to a recipient: "550 5.1.1 nobody of this name"."""
    recipients: list[str] = field(default_factory=list)
    mails: list[Message] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "mail.pem", folder / "mail.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, private


@contextmanager
def mail_server(folder: Path) -> Iterator[FakeMailServer]:
    certificate, private = _certificate(folder)
    listening = socket.create_server(("127.0.0.1", 0))
    server = FakeMailServer(listening.getsockname()[1], certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, private)
    stop = threading.Event()

    def accept() -> None:
        while not stop.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=_talk, args=(server, connection, context, stop), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        stop.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(5)


def _talk(server: FakeMailServer, connection: socket.socket, context: ssl.SSLContext, stop: threading.Event) -> None:
    if server.behaves == "hangs":
        stop.wait(10)
        connection.close()
        return
    if server.behaves == "trickles":
        with suppress(OSError):
            while not stop.wait(0.05):
                connection.sendall(b"2")
        connection.close()
        return
    secure = False
    lines = connection.makefile("rwb")

    def say(text: str) -> None:
        lines.write(text.encode() + b"\r\n")
        lines.flush()

    say("220 here")
    try:
        while line := lines.readline():
            word = line.split()[0].upper() if line.split() else b""
            if word == b"EHLO":
                offers = ["here"]
                offers += ["STARTTLS"] if not secure and server.behaves != "plain" else []
                offers += ["SMTPUTF8"] if server.behaves == "knows_utf8" else []
                for one in offers[:-1]:
                    say(f"250-{one}")
                say(f"250 {offers[-1]}")
            elif word == b"STARTTLS":
                say("220 go on")
                lines.close()
                connection = context.wrap_socket(connection, server_side=True)
                lines, secure = connection.makefile("rwb"), True
            elif word == b"MAIL" and server.behaves == "goes":
                say("421 closing")
                break
            elif word == b"RCPT":
                recipient = line.split(b"<", 1)[1].split(b">", 1)[0].decode()
                said = server.refused.get(recipient, "550 nobody of this name" if server.behaves == "refuses" else "")
                if not said:
                    server.recipients.append(recipient)
                say(said or "250 fine")
            elif word == b"DATA" and server.behaves == "cuts":
                break
            elif word == b"DATA":
                say("354 go on")
                body = b""
                while (part := lines.readline()) != b".\r\n":
                    body += part
                server.mails.append(message_from_bytes(body))
                server.encrypted.append(secure)
                say("250 kept")
                if server.behaves == "forgets":
                    stop.wait(10)
            elif word == b"QUIT":
                say("221 bye")
                break
            else:
                say("250 fine")
    except OSError:
        pass
    finally:
        lines.close()
        connection.close()
