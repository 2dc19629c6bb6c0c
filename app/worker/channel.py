"""The notice channel that the settings select: e-mail if a server is set, files otherwise."""

from app.messaging.channels import Channel, FileChannel
from app.messaging.smtp import MailServer, SmtpChannel
from app.settings import Settings


def channel_of(settings: Settings) -> Channel:
    if not settings.smtp_host:
        return FileChannel(settings.var / "outbox")
    return SmtpChannel(
        MailServer(
            settings.smtp_host,
            settings.smtp_port,
            settings.smtp_security,
            settings.smtp_from,
            settings.smtp_user,
            settings.smtp_password.get_secret_value(),
            settings.smtp_timeout.total_seconds(),
        )
    )
