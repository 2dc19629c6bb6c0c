"""Nothing that stands in an address or a subject makes another header of a mail."""

from uuid import UUID

import pytest

from app.messaging.channels import Notice
from app.messaging.smtp import MailServer, SmtpChannel

CHANNEL = SmtpChannel(MailServer("mail.test", 25, "none", "Pristan <post@pristan.test>"))


def notice(subject: str, address: str) -> Notice:
    return Notice(UUID(int=1), "organisation:x", subject, "1 new request", address)


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_line_end_in_a_header_is_refused(end: str) -> None:
    for one in (notice(f"News{end}Bcc: x@y.test", "a@b.test"), notice("News", f"a@b.test{end}Bcc: x@y.test")):
        with pytest.raises(ValueError, match="linefeed"):
            CHANNEL._mail(one)


def test_what_is_none_is_sent_as_it_is() -> None:
    mail = CHANNEL._mail(notice("1 new request", "a@b.test"))
    assert (mail["To"], mail["Subject"], mail["Bcc"]) == ("a@b.test", "1 new request", None)
