"""The sheet that a coordinator prints or reads out for an organisation without an account, in the organisation's language."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from app.cases.models import PartKind
from app.cases.sealed_parts import OpenedPart
from app.casework import letter_deadlines
from app.casework.by_hand import HandOverSheet
from app.core.i18n import N_, Translator
from app.core.keyring import KeyRing
from app.directory.packs import Directory
from app.intake.vocabulary import CHANNELS, HELPS
from app.matching import deadlines
from app.matching.code_names import CodeNames
from app.referrals import partner_queries
from app.web.components import rendering

_BACK: Final = N_("Back to the case")
_PRINT: Final = N_("Print this page from the browser's menu. It is not stored; to see it again you open it again.")


def render(
    sheet: HandOverSheet,
    language: str,
    keys: KeyRing,
    directory: Directory,
    now: datetime,
    *,
    back: str = "",
    reader: Translator | None = None,
) -> str:
    """The whole page. `back`: where its link leads that is not printed, with the words of `reader` beside it.

    Without them it is a file of its own, with its style in it.
    """
    zone = deadlines.time_zone(directory.country(sheet.row.country))
    return rendering.render(
        "parts/hand_over_sheet.html",
        language,
        back=back if reader else "",
        reader=reader.language if reader else "",
        back_words=(reader.text(_BACK), reader.text(_PRINT)) if reader else (),
        style="" if back and reader else rendering.css_text("base.css"),
        made=CodeNames(language, directory).translator.moment(now, zone),
        **context(sheet.row, sheet.card, sheet.parts, language, keys, directory, now),
    )


def context(
    row: partner_queries.Row,
    card: Mapping[str, object],
    parts: Sequence[OpenedPart],
    language: str,
    keys: KeyRing,
    directory: Directory,
    now: datetime,
) -> dict[str, Any]:
    """The context of the templates for the sheet and for a link, in this language."""
    names = CodeNames(language, directory)
    words = names.translator
    zone = deadlines.time_zone(directory.country(row.country))
    by_part = {part.part: part.content for part in parts if part.part is not PartKind.THREAD}
    persecution = {entry.code: entry.label for entry in directory.persecution}
    region = card.get("region")
    return {
        "label": row.label,
        "is_whole": bool(parts),
        "urgency": row.urgency,
        "needs": names.names("need", row.needs),
        "each_need": [(need, names.name("need", need)) for need in row.needs],
        "place": ", ".join(
            [names.name("country", row.country), *([names.name("region", str(region))] if region else [])]
        ),
        "speaks": names.names("language", row.languages),
        "helps": [words.text(HELPS[code]) for code in _codes(card.get("helps")) if code in HELPS],
        "deadlines": [
            (words.date(due.last_safe_day), due)
            for due in letter_deadlines.due_days(row, keys, directory, now, language)
        ],
        "respond_by": words.moment(row.decide_by, zone) if row.decide_by else "",
        "contact_by": words.moment(row.contact_by, zone) if row.contact_by else "",
        "contact": by_part.get(PartKind.CONTACT),
        "channels": CHANNELS,
        "story": (by_part.get(PartKind.STORY) or {}).get("story", ""),
        "happened": [
            words.text(persecution.get(code, code)) for code in (by_part.get(PartKind.HAPPENED) or {}).get("codes", ())
        ],
        "thread": [(part.author, part.content["text"], bool(part.content.get("deleted"))) for part in _thread(parts)],
    }


def _codes(value: object) -> Sequence[str]:
    return value if isinstance(value, list) else ()


def _thread(parts: Sequence[OpenedPart]) -> list[Any]:
    return [part for part in parts if part.part is PartKind.THREAD]
