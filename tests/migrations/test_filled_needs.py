"""What the step that fills the needs of stored cases writes, by content, on both databases."""

from uuid import UUID

import sqlalchemy as sa

from app.app_context import migrate
from app.cases.models import Case, CaseNeed
from app.core.db import Database
from app.referrals.models import Referral
from app.referrals.states import ReferralVerb
from tests.migrations.test_migrations import downgrade
from tests.support.cases import ONE, THREE, Scene, partner, set_scene

BOTH = ["asylum", "psychosocial"]


def filled(database: Database, case_id: UUID) -> dict[str, tuple[str, UUID | None]]:
    with database.begin(write=False) as session:
        rows = session.scalars(sa.select(CaseNeed).where(CaseNeed.case_id == case_id).order_by(CaseNeed.position))
        return {row.need: (row.state, row.referral_id) for row in rows}


def uncovered(database: Database) -> set[UUID]:
    with database.begin(write=False) as session:
        return set(session.scalars(sa.select(Case.id).where(Case.uncovered)))


def test_stored_cases_get_their_needs(unmigrated_database: Database) -> None:
    database = unmigrated_database
    migrate(database)
    scene = set_scene(database)
    untouched = scene.case(ONE, needs=BOTH)
    asked = scene.case(ONE, needs=BOTH)
    offer = scene.offered(ONE, asked)
    taken = scene.case(THREE, needs=BOTH)
    work = scene.offered(THREE, taken)
    scene.act(work, ReferralVerb.ACCEPT, partner(THREE))
    closed = scene.case(ONE, needs=["asylum"])
    done = scene.offered(ONE, closed)
    scene.act(done, ReferralVerb.ACCEPT, partner(ONE))
    scene.act(done, ReferralVerb.COMPLETE, partner(ONE), outcome="advised")
    forget(scene)
    downgrade(database, "0016")
    migrate(database)
    assert filled(database, untouched) == {"asylum": ("open", None), "psychosocial": ("open", None)}
    assert filled(database, asked) == {"asylum": ("offered", None), "psychosocial": ("open", None)}
    assert scene.row(offer).needs == ["asylum"], "those that its service lists"
    assert filled(database, taken) == {"asylum": ("with_centre", work), "psychosocial": ("with_centre", work)}
    assert filled(database, closed) == {"asylum": ("advised", None)}
    assert uncovered(database) == {untouched, asked}
    scene.act(work, ReferralVerb.COMPLETE, partner(THREE), outcome="resolved")
    assert scene.case_row(taken).state == "helped"


def forget(scene: Scene) -> None:
    """As a former version left it: it knows neither the table nor the columns."""
    with scene.write() as session:
        session.execute(sa.delete(CaseNeed))
        session.execute(sa.update(Referral).values(needs=sa.null()))
        session.execute(sa.update(Case).values(uncovered=False))
