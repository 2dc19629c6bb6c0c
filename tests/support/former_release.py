"""What the release before this one does on the schema of this one; run by `tests/migrations/test_former_release.py` with the former
release's code on the path. It files, offers and accepts, does a round of work, and prints what its lists count.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import select

import app
from app.app_context import open_app_context
from app.cases import queue
from app.cases.models import Case
from app.cases.queue import QueueQuery
from app.casework import filing, referral_actions
from app.cli import startup
from app.core.clock import utc_now
from app.intake import schemas
from app.referrals import states
from app.referrals.actors import ActorRef
from app.staff.models import Team
from app.worker import Worker

FILED = 3

# The former release's code is run by this, whatever it called them.
ACTOR: Any = getattr(states, "ReferralActor", None) or states.Actor
VERB: Any = getattr(states, "ReferralVerb", None) or states.Verb


def main() -> None:
    context = open_app_context()
    startup.require_ready(context.database, context.settings)
    by = ActorRef(ACTOR.COORDINATOR)
    given = json.loads(Path(sys.argv[1]).read_text())
    for number in range(FILED):
        now = datetime.now(UTC)
        with context.database.begin() as session:
            intake = schemas.read({**given, "story": f"made up {number}"}, context.directory, now.date())
            filed = filing.file_intake(session, intake, keys=context.keys, directory=context.directory, now=now)
        if number:
            continue
        with context.database.begin() as session:
            case = session.get_one(Case, filed.case_id)
            referral = referral_actions.create(session, context.keys, case, sys.argv[2], by=by, now=now)
            referral_actions.advance(session, referral.id, VERB.OFFER, by=by, now=now)
        with context.database.begin() as session:
            partner = ActorRef(ACTOR.PARTNER, referral.organisation_id, referral.organisation_id)
            referral_actions.advance(session, referral.id, VERB.ACCEPT, by=partner, now=now + timedelta(minutes=1))
    worker = Worker(context.database, context.keys, context.directory, context.settings, utc_now)
    worker.run_once()
    with context.database.begin(write=False) as session:
        team = session.scalars(select(Team.id)).one()
        counts = queue.counts(session, team, QueueQuery(), today=datetime.now(UTC).date(), me=uuid4())
        rows = len(session.scalars(select(Case.id)).all())
    json.dump({"app": app.__file__, "counts": counts, "failed": list(worker.failed), "cases": rows}, sys.stdout)


if __name__ == "__main__":
    main()
