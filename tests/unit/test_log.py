"""The log takes named codes only."""

import json
import logging

import pytest

from app.core import log


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> object:
    log.configure()
    return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_field_that_is_not_on_the_list_is_dropped(written: object) -> None:
    log.get().info("request", route="/v1/intakes", status=201, ip="203.0.113.7", story="тайна", user_agent="x")
    (line,) = written()  # type: ignore[operator]
    assert line.keys() == {"event", "level", "timestamp", "route", "status"}


@pytest.mark.parametrize("value", ["Анна", "a@b.example\n", "x" * 500, "<script>", {"a": 1}])
def test_a_value_that_is_no_short_code_is_dropped(value: object, written: object) -> None:
    log.get().info("request", route=value)
    (line,) = written()  # type: ignore[operator]
    assert "route" not in line


def test_other_peoples_log_lines_lose_their_words(written: object) -> None:
    try:
        raise ValueError("Анна +48 600 000 000")
    except ValueError:
        logging.getLogger("some.library").exception("failed for %s", "Анна")
    (line,) = written()  # type: ignore[operator]
    assert (line["event"], line["logger"], line["error"]) == ("library", "some.library", "ValueError")
    assert "+48 600" not in json.dumps({name: value for name, value in line.items() if name != "timestamp"})


def test_where_names_file_and_line_and_no_words() -> None:
    with pytest.raises(ValueError) as caught:
        raise ValueError("Анна")
    assert log.where(caught.value).startswith("test_log.py:")
