"""The vault on both databases: who holds a key of a case, and that no ciphertext opens anywhere but in its own place."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import sealed_parts
from app.cases.models import Case, CaseWrap, PartKind, SealedPart
from app.casework.filing import file_intake
from app.core import keyholders
from app.core.db import Database
from app.core.errors import NotFound
from app.core.sealing import CannotOpen, KeyPair
from app.directory.packs import load_packs
from app.intake import receipts
from app.intake.schemas import Intake
from app.referrals.states import ReferralVerb
from tests.support.cases import ONE, TWO, Scene, organisation, partner, set_scene


@pytest.fixture
def scene(database: Database) -> Scene:
    return set_scene(database)


class Filed:
    """A case whose number the test still knows."""

    def __init__(self, scene: Scene, story: str, *consented: str) -> None:
        document: dict[str, Any] = {
            "for_whom": "self", "needs": ["asylum"], "how_soon": "none", "country": "PL", "story": story, "region": "PL-14",
            "consent": {"mode": "named" if consented else "ask_first", "organisations": list(consented)},
        }  # fmt: skip
        with scene.write() as session:
            filed = file_intake(
                session, Intake.model_validate(document), keys=scene.keys, directory=load_packs(), now=scene.now
            )
        self.id: UUID = filed.case_id
        self.pair = filed.receipt.key_pair()

    def key(self, session: Session, scene: Scene) -> bytes:
        return sealed_parts.data_key(session, scene.keys, self.id, sealed_parts.PERSON, self.id, self.pair)

    def story(self, session: Session, scene: Scene) -> str:
        (row,) = sealed_parts.parts(session, self.id, [PartKind.STORY])
        return str(sealed_parts.open_part(self.key(session, scene), row).content["story"])


def test_the_number_opens_the_story_and_another_number_does_not(scene: Scene) -> None:
    mine, other = Filed(scene, "mine"), Filed(scene, "other")
    with scene.write() as session:
        assert (mine.story(session, scene), other.story(session, scene)) == ("mine", "other")
        mine.pair = receipts.new().key_pair()
        with pytest.raises(CannotOpen):
            mine.story(session, scene)


def _swap(session: Session, table: Any, column: Any, *ids: UUID) -> None:
    """Exchange a column's content between two rows, as somebody who can write into the database might."""
    one, other = (session.scalar(sa.select(column).where(table.id == row)) for row in ids)
    for row, value in zip(ids, (other, one), strict=True):
        session.execute(sa.update(table).where(table.id == row).values({column.key: value}))


def _of_part(session: Session, case: Filed, part: PartKind) -> UUID:
    found = session.scalar(sa.select(SealedPart.id).where(SealedPart.case_id == case.id, SealedPart.part == part.value))
    assert found is not None
    return found


def _of_wrap(session: Session, case: Filed, kind: str, purpose: str = sealed_parts.PERSON) -> UUID:
    found = session.scalar(
        sa.select(CaseWrap.id).where(CaseWrap.case_id == case.id, CaseWrap.kind == kind, CaseWrap.purpose == purpose)
    )
    assert found is not None
    return found


def _changed(ciphertext: bytes) -> bytes:
    """With another first byte, whatever it was: the nonce is random."""
    return bytes([ciphertext[0] ^ 1]) + ciphertext[1:]


MOVES: dict[str, Callable[[Session, Filed, Filed], None]] = {
    "a story into another case": lambda session, one, other: _swap(
        session, SealedPart, SealedPart.ciphertext, *(_of_part(session, case, PartKind.STORY) for case in (one, other))
    ),
    "a contact into the story": lambda session, one, _other: _swap(
        session, SealedPart, SealedPart.ciphertext, _of_part(session, one, PartKind.STORY), _of_part(session, one, PartKind.CONTACT)
    ),
    "a wrap into another case": lambda session, one, other: _swap(
        session, CaseWrap, CaseWrap.ciphertext, *(_of_wrap(session, case, "receipt") for case in (one, other))
    ),
    "the team's wrap to the number": lambda session, one, _other: _swap(
        session, CaseWrap, CaseWrap.ciphertext, _of_wrap(session, one, "receipt"), _of_wrap(session, one, "team")
    ),
    "another version of the part": lambda session, one, _other: session.execute(
        sa.update(SealedPart).where(SealedPart.case_id == one.id).values(version=2)
    ),
    "another version of the wrap": lambda session, one, _other: session.execute(
        sa.update(CaseWrap).where(CaseWrap.case_id == one.id).values(version=2)
    ),
    "a byte": lambda session, one, _other: session.execute(
        sa.update(SealedPart)
        .where(SealedPart.id == _of_part(session, one, PartKind.STORY))
        .values(ciphertext=_changed(session.get_one(SealedPart, _of_part(session, one, PartKind.STORY)).ciphertext))
    ),
}  # fmt: skip


@pytest.mark.parametrize("moved", MOVES)
def test_what_was_moved_or_changed_opens_no_more(scene: Scene, moved: str) -> None:
    one, other = Filed(scene, "one"), Filed(scene, "other")
    with scene.write() as session:
        assert one.story(session, scene) == "one"
        MOVES[moved](session, one, other)
        session.expire_all()
        with pytest.raises((CannotOpen, NotFound)):
            one.story(session, scene)


def test_facts_are_bound_to_their_case_and_version(scene: Scene) -> None:
    one, other = Filed(scene, "one"), Filed(scene, "other")
    with scene.write() as session:
        locked = session.get_one(Case, one.id).facts
        assert locked is not None
        assert sealed_parts.decrypt_facts(scene.keys, one.id, 1, locked)["region"] == "PL-14"
        for case_id, version in ((other.id, 1), (one.id, 2)):
            with pytest.raises(CannotOpen):
                sealed_parts.decrypt_facts(scene.keys, case_id, version, locked)


def test_the_key_file_and_the_database_together_open_no_sealed_part(scene: Scene) -> None:
    """All that the server has: the wraps come off the epoch lock, and are still sealed to keys that it has not."""
    case = Filed(scene, "one", ONE)
    with scene.write() as session:
        wraps = session.scalars(sa.select(CaseWrap).where(CaseWrap.case_id == case.id)).all()
        assert {(wrap.purpose, wrap.kind) for wrap in wraps} == {
            ("person", "receipt"), ("person", "team"), ("person", "organisation"), ("desk", "team"),
        }  # fmt: skip
        server_keys = [scene.keys.derive(purpose) for purpose in ("receipt:key", "mac:receipt", "staff:pepper")]
        for wrap in wraps:
            _row, sealed = sealed_parts.sealed_data_key(session, scene.keys, case.id, wrap.purpose, wrap.owner_id)
            info = sealed_parts.wrap_info(case.id, wrap.purpose, wrap.kind, wrap.owner_id, wrap.version)
            for seed in server_keys:
                with pytest.raises(CannotOpen):
                    KeyPair.from_seed(seed).open(sealed, info)


def test_only_who_was_named_holds_a_key_and_after_acceptance_only_who_accepted(scene: Scene) -> None:
    case_id = scene.case(ONE, TWO)
    with scene.write() as session:
        assert sealed_parts.organisations_with_key(session, case_id) == {organisation(ONE), organisation(TWO)}
    referral = scene.offered(ONE, case_id)
    scene.act(referral, ReferralVerb.ACCEPT, partner(ONE))
    with scene.write() as session:
        assert sealed_parts.organisations_with_key(session, case_id) == {organisation(ONE)}


def test_the_desks_key_is_no_bodys_but_the_teams(scene: Scene) -> None:
    case = Filed(scene, "one", ONE)
    with scene.write() as session:
        for owner in (case.id, organisation(ONE)):
            with pytest.raises(NotFound):
                sealed_parts.sealed_data_key(session, scene.keys, case.id, sealed_parts.DESK, owner)


def test_parts_of_like_length_have_the_same_size(scene: Scene) -> None:
    short, longer = Filed(scene, "a"), Filed(scene, "a" * 60)
    with scene.write() as session:
        sizes = {
            len(session.get_one(SealedPart, _of_part(session, case, PartKind.STORY)).ciphertext)
            for case in (short, longer)
        }
    assert len(sizes) == 1


def test_an_organisation_that_joins_later_is_given_nothing_by_itself(scene: Scene) -> None:
    case = Filed(scene, "one", "pl-cbs")
    with scene.write() as session:
        assert sealed_parts.organisations_with_key(session, case.id) == frozenset()
        joined = organisation("pl-cbs")
        keyholders.register(session, keyholders.OwnerKind.ORGANISATION, joined, KeyPair.generate().public, scene.now)
        assert sealed_parts.organisations_with_key(session, case.id) == frozenset()
