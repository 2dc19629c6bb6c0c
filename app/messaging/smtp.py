"""Notices by SMTP. Always over TLS, unless the server is this machine; every exchange has a deadline."""

import smtplib
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime, formataddr, parseaddr
from typing import Final, Literal

import idna

from app.core.clock import Clock, utc_now
from app.messaging import bounded
from app.messaging.channels import Notice, SendingFailed

Security = Literal["starttls", "tls", "none"]
_CLOSING: Final = 421
"""The server closes the connection: it says nothing about this recipient."""
_NO_SUCH_ADDRESS: Final = frozenset({501, 550, 551, 553})
_FAREWELL_SECONDS: Final = 1.0
_POLICY: Final = b"5.7."
"""The enhanced code (RFC 3463) of a refusal for policy, such as a relay that does not know us; the address can be right."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """The SMTP server. `bounces`: the address to which mails come back; "": the sender's. Its repr shows no password."""

    host: str
    port: int
    security: Security
    sender: str
    user: str = ""
    password: str = ""
    bounces: str = ""
    timeout: float = 10.0
    """Seconds for a whole exchange, not for one answer."""

    def __repr__(self) -> str:
        return f"MailServer({self.host}:{self.port}, {self.security})"


def wire_address(address: str) -> str:
    """The address with its domain in ASCII (`post@почта.рф` is `post@xn--80a1acny.xn--p1ai`), which every server takes.

    The part before the @ stays as it is; outside of ASCII only servers with SMTPUTF8 take it. Raises SendingFailed.
    """
    local, _, domain = address.rpartition("@")
    if domain.isascii():
        return address
    try:
        return f"{local}@{idna.encode(domain, uts46=True).decode()}"
    except idna.IDNAError:
        raise SendingFailed("address_unusable", permanent=True) from None


class SmtpChannel:
    """One connection per notice: there are few notices, and a hanging server then costs one deadline."""

    def __init__(self, server: MailServer, *, context: ssl.SSLContext | None = None, clock: Clock = utc_now) -> None:
        self._server = server
        self._context = context or ssl.create_default_context()
        self._clock = clock
        name, address = parseaddr(server.sender)
        self._sender = server.sender if server.sender.isascii() else formataddr((name, wire_address(address)))

    def takes(self, notice: Notice) -> bool:
        return bool(notice.address)

    def send(self, notice: Notice) -> None:
        try:
            mail = self._mail(notice)
        except ValueError as error:
            raise SendingFailed("address_unusable", permanent=True) from error
        opened: list[smtplib.SMTP] = []
        accepted = threading.Event()

        def exchange() -> None:
            connection = self._connected(opened)
            try:
                _hand_over(connection, mail, self._server.bounces)
                accepted.set()
            finally:
                _hang_up(connection)

        try:
            bounded.within(self._server.timeout, exchange, abandon=lambda: _cut(opened))
        except SendingFailed:
            if not accepted.is_set():
                raise

    def _connected(self, opened: list[smtplib.SMTP]) -> smtplib.SMTP:
        """EHLO uses the sender's domain, so that the machine's name is not disclosed. What fails here fails for every notice."""
        server, me = self._server, self._domain
        try:
            connection: smtplib.SMTP = (
                _TlsConnection(opened, server, me, self._context)
                if server.security == "tls"
                else _Connection(opened, server, me)
            )
            try:
                if server.security == "starttls":
                    connection.starttls(context=self._context)
                if server.user:
                    connection.login(server.user, server.password)
            except BaseException:
                connection.close()
                raise
        except smtplib.SMTPResponseException as error:
            raise SendingFailed(f"smtp_{error.smtp_code}", affects_all=True) from error
        except (OSError, smtplib.SMTPException) as error:
            raise SendingFailed(type(error).__name__, affects_all=True) from error
        return connection

    @property
    def _domain(self) -> str:
        return parseaddr(self._sender)[1].rpartition("@")[2] or "localhost"

    def _mail(self, notice: Notice) -> EmailMessage:
        """The Message-ID follows from the notice, so that a mailbox shows a notice that was sent twice only once."""
        mail = EmailMessage()
        mail["From"] = self._sender
        mail["To"] = wire_address(notice.address)
        mail["Subject"] = notice.subject
        mail["Date"] = format_datetime(self._clock())
        mail["Message-ID"] = f"<{notice.id.hex}@{self._domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(notice.text)
        return mail


class _Connection(smtplib.SMTP):
    """A connection that can be cut while it still waits for the greeting. The deadline of the exchange comes before its own."""

    def __init__(self, opened: list[smtplib.SMTP], server: MailServer, me: str) -> None:
        opened.append(self)
        super().__init__(server.host, server.port, me, timeout=2 * server.timeout)


class _TlsConnection(smtplib.SMTP_SSL):
    def __init__(self, opened: list[smtplib.SMTP], server: MailServer, me: str, context: ssl.SSLContext) -> None:
        opened.append(self)
        super().__init__(server.host, server.port, me, timeout=2 * server.timeout, context=context)


def _hand_over(connection: smtplib.SMTP, mail: EmailMessage, bounces: str) -> None:
    """Give one mail to a connected server; `bounces`: where it comes back to, if not to its sender.

    A refusal here concerns this mail alone, unless it is about us or the server.
    """
    try:
        connection.send_message(mail, from_addr=bounces or None)
    except smtplib.SMTPNotSupportedError as error:
        raise SendingFailed("smtputf8_not_supported", permanent=True) from error
    except smtplib.SMTPRecipientsRefused as error:
        code, reply = next(iter(error.recipients.values()))
        unknown = code in _NO_SUCH_ADDRESS and _POLICY not in reply
        raise SendingFailed("recipient_refused", affects_all=code == _CLOSING, permanent=unknown) from error
    except smtplib.SMTPSenderRefused as error:
        raise SendingFailed(f"smtp_{error.smtp_code}", affects_all=True) from error
    except smtplib.SMTPResponseException as error:
        raise SendingFailed(f"smtp_{error.smtp_code}", affects_all=error.smtp_code == _CLOSING) from error
    except TimeoutError as error:
        raise SendingFailed("too_slow", affects_all=True) from error
    except (OSError, smtplib.SMTPException) as error:
        raise SendingFailed(type(error).__name__) from error


def _hang_up(connection: smtplib.SMTP) -> None:
    """Close the connection. The server's answer to QUIT changes nothing about the mail that it has accepted."""
    with suppress(OSError, smtplib.SMTPException):
        if connection.sock is not None:
            connection.sock.settimeout(_FAREWELL_SECONDS)
            connection.quit()
    connection.close()


def _cut(connections: list[smtplib.SMTP]) -> None:
    for connection in connections:
        if connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
