"""Cards with the numbers of people whose cases were moved in, as a page to print: each card in its person's language."""

from collections.abc import Sequence

from app.casework.case_import import MovedCase
from app.core.i18n import translator
from app.web.components import rendering


def render(cases: Sequence[MovedCase], address: str) -> str:
    """The page. `address`: where the service is reached. It shows numbers and nothing else of the cases."""
    cards = [(case, translator(case.language)) for case in cases]
    return rendering.render("parts/number_cards.html", "en", cards=cards, address=address.rstrip("/"))
