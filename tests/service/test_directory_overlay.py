"""A pack that changed under an edit of the desk."""

from pathlib import Path

from app.directory.overlay import Edit, apply_edits
from app.directory.packs import load_packs
from tests.support.packs import change, copy

RELEX = "lt-relex"


def test_the_desks_word_stands_when_the_pack_moves_on_and_that_is_told(tmp_path: Path) -> None:
    packs = load_packs()
    mine = Edit(RELEX, "email", {"value": "info@relex.lt"}, {"value": "desk@relex.lt"})
    assert apply_edits(packs, [mine]).departures == ()
    root = copy(tmp_path)
    change(root, "lt/services.yaml", "email: info@relex.lt", "email: office@relex.lt")
    laid = apply_edits(load_packs(root), [mine])
    found = laid.directory.organisation(RELEX)
    assert found is not None
    assert found.email == "desk@relex.lt"
    assert laid.departures == (mine,)
