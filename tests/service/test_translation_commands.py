"""`pristan i18n review` and `sign` on catalogues in a folder of their own."""

import json
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import i18n
from app.cli import translation_signatures as signatures
from app.core.i18n import LOCALES
from tests.unit.test_translation_review import LITHUANIAN, signed_by


def test_a_record_that_was_changed_by_hand_is_found(tmp_path: Path) -> None:
    path = tmp_path / "messages.signed.json"
    signatures.write(path, signed_by("Rūta", LITHUANIAN))
    assert signatures.read(path) == signed_by("Rūta", LITHUANIAN)
    stored = json.loads(path.read_text(encoding="utf-8"))
    stored[0]["messages"].pop()
    path.write_text(json.dumps(stored), encoding="utf-8")
    with pytest.raises(ValueError, match="changed afterwards"):
        signatures.read(path)


@pytest.fixture
def catalogues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The catalogues of one language in a folder of its own, in which the commands work."""
    for domain in ("messages.cfg", "messages.pot", "staff.cfg", "staff.pot"):
        shutil.copy(LOCALES / domain, tmp_path / domain)
    folder = tmp_path / "lt" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    shutil.copy(LOCALES / "lt" / "LC_MESSAGES" / "messages.po", folder)
    monkeypatch.setattr("app.core.i18n.LOCALES", tmp_path)
    return folder / "messages.po"


def test_the_commands_make_the_file_take_it_back_and_sign(catalogues: Path, tmp_path: Path) -> None:
    file, run = tmp_path / "lt.html", CliRunner()
    made = run.invoke(i18n.i18n_app, ["review", "lt", "--out", str(file)])
    assert made.exit_code == 0, made.output
    html = file.read_text(encoding="utf-8")
    was = dict(re.findall(r'data-key="(\w+)" data-was="(\w+)"', html))
    assert len(was) == len(i18n.messages())
    leave, read = signatures.key_of("Leave now"), signatures.key_of("Another country")
    answers = {
        leave: {"was": was[leave], "right": False, "forms": ["Greitai <"], "note": "abejoju"},
        read: {"was": was[read], "right": True, "forms": ["Kita valstybė"], "note": ""},
    }
    file.write_text(html.replace('"answers": {}', '"answers": ' + json.dumps(answers).replace("<", "\\u003c")))
    early = run.invoke(i18n.i18n_app, ["sign", "lt", "--by", "Rūta", "--read", str(file)])
    assert early.exit_code == 1, "not before the corrections are taken over"
    taken = run.invoke(i18n.i18n_app, ["review", "lt", "--apply", str(file)])
    assert taken.exit_code == 1
    assert "Greitai <" in taken.output
    assert "abejoju" in taken.output
    assert "1 changed, 1 read and right now, 1 not taken over, 1 remarks" in taken.output
    assert 'msgstr "Kita valstybė"' in catalogues.read_text(encoding="utf-8")
    some = run.invoke(i18n.i18n_app, ["sign", "lt", "--by", "Rūta", "--read", str(file)])
    assert some.exit_code == 0, some.output
    assert "State: draft. 1 of " in catalogues.read_text(encoding="utf-8")
    whole = run.invoke(i18n.i18n_app, ["sign", "lt", "--by", "Rūta"])
    assert whole.exit_code == 0, whole.output
    assert re.search(r"\n# State: signed by Rūta on [\d-]+\.\n", catalogues.read_text(encoding="utf-8"))
    text = catalogues.read_text(encoding="utf-8").replace("Kita valstybė", "Kita šalis")
    catalogues.write_text(text, encoding="utf-8")
    told = run.invoke(i18n.i18n_app, ["state"])
    assert "lt messages: State: draft. " in told.output
