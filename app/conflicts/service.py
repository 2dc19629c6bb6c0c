"""Comparison of conflict lists with traces of cases.

Both are MACs bound to one organisation, so lists reveal nothing about each other. Two simultaneous transactions, one adding to a
list and one adding a case, do not see each other. Therefore `excluded` also compares the current lists and traces, and every
offer or acceptance calls it. A case without a trace for an organisation has given it no key: see `store_check`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.conflicts.models import ConflictEntry, ConflictTrace, Exclusion
from app.core import bulk
from app.core.errors import Conflict
from app.core.identifiers import Identifier
from app.core.keyring import KeyRing
from app.core.upsert import insert_or_update
from app.partners.organisations import Organisation

HASH_BYTES: Final = 32
BINDING: Final = ("conflicts", "mac")
"""One for entries and traces, so that the two can be compared in the database."""
MOST_ENTRIES: Final = 100_000
"""Uploaded entries of one organisation. A full name makes two to five: what its spellings have in common."""
_One = TypeVar("_One")
_IN_ONE: Final = 400  # parameters of one statement


_HITS: Final = sa.select(ConflictEntry.organisation_id).where(
    ConflictEntry.mac.in_(sa.bindparam("macs", type_=sa.LargeBinary(), expanding=True))
)


@dataclass(frozen=True, slots=True)
class ConflictCheck:
    """The traces of a new case and the organisations that they exclude; computed before the case is written."""

    traces: tuple[tuple[UUID, bytes], ...] = ()
    hits: frozenset[UUID] = frozenset()

    def with_traces_for(self, organisation_ids: Collection[UUID]) -> "ConflictCheck":
        """The same hits, with the traces of these organisations alone."""
        return ConflictCheck(tuple(trace for trace in self.traces if trace[0] in organisation_ids), self.hits)


def salt_of(keys: KeyRing, organisation_id: UUID) -> bytes:
    """The organisation's salt: 32 constant bytes. Its client hashes identifiers with it before sending them."""
    return keys.mac("conflict-salt", organisation_id.bytes)


def mac_of(keys: KeyRing, organisation_id: UUID, hashed: bytes) -> bytes:
    """The MAC of a client's hash. What is stored is the result of `KeyRing.hide`."""
    return keys.mac("conflict", organisation_id.bytes, hashed)


def compare(
    session: Session, keys: KeyRing, identifiers: Iterable[Identifier], organisation_ids: Collection[UUID]
) -> ConflictCheck:
    """Compare identifiers with the lists of these organisations. At most one statement.

    Identifiers that many people may share, like a first name, are left out.
    """
    strong = [identifier for identifier in identifiers if identifier.strong]
    traces = tuple(
        (organisation_id, mac_of(keys, organisation_id, identifier.keyed(salt_of(keys, organisation_id))))
        for organisation_id in organisation_ids
        for identifier in strong
    )
    hits: set[UUID] = set()
    for some in _slices([form for _, mac in traces for form in keys.hidden_forms(mac, *BINDING)]):
        hits.update(session.connection().scalars(_HITS, {"macs": some}))
    hidden = tuple((organisation_id, keys.hide(mac, *BINDING)) for organisation_id, mac in traces)
    return ConflictCheck(hidden, frozenset(hits))


def with_list(session: Session, organisation_ids: Collection[UUID]) -> frozenset[UUID]:
    """Those of these organisations that have a list, uploaded or of cases that they declined for a conflict."""
    if not organisation_ids:
        return frozenset()
    listed = sa.exists().where(ConflictEntry.organisation_id == Organisation.id)
    return frozenset(session.scalars(sa.select(Organisation.id).where(Organisation.id.in_(organisation_ids), listed)))


def store_check(session: Session, case_id: UUID, compared: ConflictCheck, *, readers: Collection[UUID]) -> None:
    """Store the hits, and the traces by which a later list finds the case. The case's row must exist.

    `readers`: organisations with a key of the case or an agreement to be asked. Traces are stored for these and for those that
    have a list. Any other organisation is compared again, with the contact itself, before it is given a key
    (`conflict_screening.is_hit`), so it needs none; and what is not stored cannot be tried with guessed numbers.
    """
    others = {organisation_id for organisation_id, _ in compared.traces}.difference(readers)
    compared = compared.with_traces_for(with_list(session, others).union(readers))
    traces = [
        {"case_id": case_id, "organisation_id": organisation_id, "mac": mac} for organisation_id, mac in compared.traces
    ]
    _put(session, ConflictTrace, traces)
    exclude(session, case_id, compared.hits)


def exclude(session: Session, case_id: UUID, organisation_ids: Iterable[UUID]) -> None:
    rows = [{"case_id": case_id, "organisation_id": organisation_id} for organisation_id in organisation_ids]
    _put(session, Exclusion, rows)


def add(session: Session, keys: KeyRing, organisation_id: UUID, hashes: Collection[bytes], now: datetime) -> list[UUID]:
    """Add hashes to the organisation's list; return the ids of newly hit cases, in order.

    Raises Conflict when the list would have more than `MOST_ENTRIES`.
    """
    macs = sorted({mac_of(keys, organisation_id, hashed) for hashed in hashes})
    statement = insert_or_update(
        session, ConflictEntry, key=("organisation_id", "mac"), change=lambda _new: {"case_id": None}
    )
    for some_macs in _slices(macs):
        rows = [
            {
                "organisation_id": organisation_id,
                "mac": keys.hide(mac, *BINDING),
                "case_id": None,
                "added_on": now,
            }
            for mac in some_macs
        ]
        session.execute(statement, rows)
    if uploaded_count(session, organisation_id) > MOST_ENTRIES:
        raise Conflict(f"A list can have at most {MOST_ENTRIES} entries. Clear it, and send what you still need.")
    hit: set[UUID] = set()
    noted = sa.exists().where(
        Exclusion.case_id == ConflictTrace.case_id, Exclusion.organisation_id == ConflictTrace.organisation_id
    )
    for some_forms in _slices([form for mac in macs for form in keys.hidden_forms(mac, *BINDING)]):
        hits = sa.select(ConflictTrace.case_id).where(ConflictTrace.mac.in_(some_forms), ~noted)
        hit.update(session.scalars(hits))
    return sorted(hit)


def note_hits(session: Session) -> None:
    """Store every hit that is not stored yet.

    Needed after a rotation of the epoch key: while it ran, a list and a case written at the same time could be hidden under two
    keys, so that `excluded` did not see that they match.
    """
    noted = sa.exists().where(
        Exclusion.case_id == ConflictTrace.case_id, Exclusion.organisation_id == ConflictTrace.organisation_id
    )
    alike = sa.and_(
        ConflictEntry.organisation_id == ConflictTrace.organisation_id, ConflictEntry.mac == ConflictTrace.mac
    )
    hits = sa.select(ConflictTrace.case_id, ConflictTrace.organisation_id).join(ConflictEntry, alike).where(~noted)
    _put(session, Exclusion, [dict(row._mapping) for row in session.execute(hits.distinct())])


def merge_entries(session: Session, former: Mapping[str, Any], hidden: bytes) -> None:
    """Join an entry with the one that was added with the same hash while the epoch key was rotated: an uploaded one wins."""
    mine = ConflictEntry.organisation_id == former["organisation_id"]
    if former["case_id"] is None:
        session.execute(sa.update(ConflictEntry).where(mine, ConflictEntry.mac == hidden).values(case_id=None))
    session.execute(sa.delete(ConflictEntry).where(mine, ConflictEntry.mac == former["mac"]))


def merge_traces(session: Session, former: Mapping[str, Any], _hidden: bytes) -> None:
    """Delete a trace that was stored again while the epoch key was rotated."""
    mine = ConflictTrace.case_id == former["case_id"], ConflictTrace.organisation_id == former["organisation_id"]
    session.execute(sa.delete(ConflictTrace).where(*mine, ConflictTrace.mac == former["mac"]))


def add_case_traces(session: Session, case_id: UUID, organisation_id: UUID, now: datetime) -> None:
    """Add the traces of a case that the organisation declined for a conflict to its list."""
    exclude(session, case_id, [organisation_id])
    macs = session.scalars(
        sa.select(ConflictTrace.mac).where(
            ConflictTrace.case_id == case_id, ConflictTrace.organisation_id == organisation_id
        )
    ).all()
    rows = [{"organisation_id": organisation_id, "mac": mac, "case_id": case_id, "added_on": now} for mac in macs]
    _put(session, ConflictEntry, rows)


def clear(session: Session, organisation_id: UUID) -> None:
    """Delete the uploaded list. Exclusions remain."""
    session.execute(
        sa.delete(ConflictEntry).where(
            ConflictEntry.organisation_id == organisation_id, ConflictEntry.case_id.is_(None)
        )
    )


def uploaded_count(session: Session, organisation_id: UUID) -> int:
    """The number of uploaded entries."""
    count = sa.select(sa.func.count()).select_from(ConflictEntry)
    mine = ConflictEntry.organisation_id == organisation_id, ConflictEntry.case_id.is_(None)
    return session.scalar(count.where(*mine)) or 0


_NOTED: Final = (
    sa.select(Organisation.slug)
    .join(Exclusion, Exclusion.organisation_id == Organisation.id)
    .where(Exclusion.case_id == sa.bindparam("case_id"))
)
_HIT: Final = (
    sa.select(Organisation.slug)
    .join(ConflictTrace, ConflictTrace.organisation_id == Organisation.id)
    .join(
        ConflictEntry,
        sa.and_(ConflictEntry.organisation_id == ConflictTrace.organisation_id, ConflictEntry.mac == ConflictTrace.mac),
    )
    .where(ConflictTrace.case_id == sa.bindparam("case_id"))
)
_EXCLUDED: Final = sa.union(_NOTED, _HIT)


def excluded(session: Session, case_id: UUID) -> frozenset[str]:
    """Slugs of the organisations that must not be asked for this case. Pages show them as taking no requests."""
    return frozenset(session.scalars(_EXCLUDED, {"case_id": case_id}))


def traced_organisations(session: Session, case_id: UUID) -> frozenset[UUID]:
    """The organisations for which traces of the case are stored."""
    return frozenset(
        session.scalars(sa.select(ConflictTrace.organisation_id).where(ConflictTrace.case_id == case_id).distinct())
    )


def drop_traces(session: Session, case_id: UUID) -> None:
    """Delete the traces of a case before new ones are stored."""
    session.execute(sa.delete(ConflictTrace).where(ConflictTrace.case_id == case_id))


def drop_idle_traces(session: Session, case_id: UUID, *, readers: Collection[UUID]) -> None:
    """Delete the traces that `store_check` would not store now, after the person took a consent back."""
    listed = sa.exists().where(ConflictEntry.organisation_id == ConflictTrace.organisation_id)
    mine = ConflictTrace.case_id == case_id, ConflictTrace.organisation_id.not_in(readers)
    session.execute(sa.delete(ConflictTrace).where(*mine, ~listed))


def forget_traces(session: Session, case_id: UUID) -> None:
    """Delete the traces of a case, and the list entries taken from it. Exclusions remain."""
    drop_traces(session, case_id)
    session.execute(sa.delete(ConflictEntry).where(ConflictEntry.case_id == case_id))


def forget(session: Session, case_id: UUID) -> None:
    """Delete what screening has found for a case that is erased."""
    forget_traces(session, case_id)
    session.execute(sa.delete(Exclusion).where(Exclusion.case_id == case_id))


def _put(session: Session, table: Any, new: Sequence[dict[str, Any]]) -> None:
    """Insert the rows that do not exist yet."""
    for some in _slices(new):
        bulk.insert_missing(session, table, some)


def _slices(many: Sequence[_One]) -> Iterable[Sequence[_One]]:
    return (many[start : start + _IN_ONE] for start in range(0, len(many), _IN_ONE))
