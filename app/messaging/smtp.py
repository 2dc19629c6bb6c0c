"""Notices by SMTP. Always over TLS, unless the server is this machine; every wait has a timeout."""

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Literal

from app.core.clock import Clock, utc_now
from app.messaging.channels import Notice, SendingFailed

Security = Literal["starttls", "tls", "none"]


@dataclass(frozen=True, slots=True)
class MailServer:
    """The SMTP server. Its repr shows no password."""

    host: str
    port: int
    security: Security
    sender: str
    user: str = ""
    password: str = ""
    timeout: float = 10.0

    def __repr__(self) -> str:
        return f"MailServer({self.host}:{self.port}, {self.security})"


class SmtpChannel:
    """One connection per notice: there are few notices, and a hanging server then costs one timeout."""

    def __init__(self, server: MailServer, *, context: ssl.SSLContext | None = None, clock: Clock = utc_now) -> None:
        self._server = server
        self._context = context or ssl.create_default_context()
        self._clock = clock

    def takes(self, notice: Notice) -> bool:
        return bool(notice.address)

    def send(self, notice: Notice) -> None:
        try:
            with self._connected() as connection:
                connection.send_message(self._mail(notice))
        except smtplib.SMTPRecipientsRefused as error:
            raise SendingFailed("recipient_refused") from error
        except smtplib.SMTPResponseException as error:
            raise SendingFailed(
                f"smtp_{error.smtp_code}", affects_all=isinstance(error, smtplib.SMTPAuthenticationError)
            ) from (error)
        except (OSError, smtplib.SMTPException) as error:
            raise SendingFailed(type(error).__name__, affects_all=True) from error

    def _connected(self) -> smtplib.SMTP:
        """EHLO uses the sender's domain, so that the machine's name is not disclosed."""
        server, me = self._server, self._domain
        connection: smtplib.SMTP
        if server.security == "tls":
            connection = smtplib.SMTP_SSL(server.host, server.port, me, timeout=server.timeout, context=self._context)
        else:
            connection = smtplib.SMTP(server.host, server.port, me, timeout=server.timeout)
        try:
            if server.security == "starttls":
                connection.starttls(context=self._context)
            if server.user:
                connection.login(server.user, server.password)
        except BaseException:
            connection.close()
            raise
        return connection

    @property
    def _domain(self) -> str:
        return parseaddr(self._server.sender)[1].rpartition("@")[2] or "localhost"

    def _mail(self, notice: Notice) -> EmailMessage:
        """The Message-ID follows from the notice, so that a mailbox shows a notice that was sent twice only once."""
        mail = EmailMessage()
        mail["From"] = self._server.sender
        mail["To"] = notice.address
        mail["Subject"] = notice.subject
        mail["Date"] = format_datetime(self._clock())
        mail["Message-ID"] = f"<{notice.id.hex}@{self._domain}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(notice.text)
        return mail
