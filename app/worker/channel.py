"""The channels that the settings select: e-mail if a server is set, files otherwise; Signal and Telegram where they are set."""

from app.messaging.channels import Channel, FileChannel, NoticeWay
from app.messaging.gateway import Gateway
from app.messaging.signal import SignalChannel
from app.messaging.smtp import MailServer, SmtpChannel
from app.messaging.team_ways import TeamWays
from app.messaging.telegram import TelegramBot, TelegramChannel
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
            settings.smtp_bounces,
            settings.smtp_timeout.total_seconds(),
        )
    )


def gateway_channels(settings: Settings) -> dict[NoticeWay, Channel]:
    """The channels besides e-mail that are set.

    The channel of the team's ways always exists: for a way that is no longer set it reports that nothing arrives.
    """
    seconds = 2 * settings.gateway_timeout.total_seconds()
    addresses = {name: address.get_secret_value() for name, address in settings.team_ways.items()}
    channels: dict[NoticeWay, Channel] = {NoticeWay.TEAM: TeamWays(addresses, seconds)}
    if settings.signal_url:
        gateway = Gateway(settings.signal_url.get_secret_value(), settings.gateway_timeout.total_seconds())
        channels[NoticeWay.SIGNAL] = SignalChannel(gateway, settings.signal_number)
    bot = telegram_bot_of(settings)
    if bot is not None:
        channels[NoticeWay.TELEGRAM] = TelegramChannel(bot)
    return channels


def telegram_bot_of(settings: Settings) -> TelegramBot | None:
    if not settings.telegram_token:
        return None
    address = f"{settings.telegram_url.rstrip('/')}/bot{settings.telegram_token.get_secret_value()}"
    return TelegramBot(Gateway(address, settings.gateway_timeout.total_seconds()))
