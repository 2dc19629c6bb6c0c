"""The page about life cycles is drawn from the tables and never lags behind them."""

from pathlib import Path

from app.cli import life_cycles

PAGE = Path(__file__).parents[2] / "docs" / "life-cycles.md"


def test_the_page_is_what_the_tables_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == life_cycles.page(), (
        "run: python -m app.cli.life_cycles > docs/life-cycles.md"
    )


def test_every_verb_and_reason_is_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for word in (*life_cycles.ReferralVerb, *life_cycles.ReferralState, *life_cycles.REASONS):
        assert f"| {word} |" in page or f"{word}," in page, word
