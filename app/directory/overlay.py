"""Published edits applied to the packs. Pure.

A published edit takes precedence over a newer pack until it is reverted: its authors have asked the centre, while the pack's
authors have read a web page. Where the pack has changed since, `EditedDirectory.departures` says so. An edit that no longer fits
its pack is left out and reported. An organisation that was added at the desk is replaced once a pack has its slug.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from pydantic import ValidationError

from app.directory import fields
from app.directory.catalogue import Directory, ServiceEntry
from app.directory.schemas import Organisation, Service

DESK = "desk"
"""The file name for organisations that no pack has."""


class Edit(NamedTuple):
    """A published edit. `new` is `{"value": …}` or `{"pack": true}`; `old` the value before it."""

    subject: str
    field: str
    old: dict[str, Any]
    new: dict[str, Any]


@dataclass(frozen=True, slots=True)
class EditedDirectory:
    """The resulting directory. `departures`: edits whose pack value has changed since. `misfits`: edits left out."""

    directory: Directory
    departures: tuple[Edit, ...] = ()
    misfits: tuple[Edit, ...] = ()


def apply_edits(packs: Directory, edits: Sequence[Edit]) -> EditedDirectory:
    """Apply edits to the packs. The same packs and edits give the same directory and digest in every process."""
    in_force = sorted((edit for edit in edits if "value" in edit.new), key=lambda edit: (edit.subject, edit.field))
    if not in_force:
        return EditedDirectory(packs)
    known = {organisation.id: organisation for organisation in packs.organisations}
    misfits = list(_add_whole(known, in_force))
    departures = []
    for edit in in_force:
        if edit.field == fields.WHOLE:
            continue
        before = known.get(edit.subject.split("/")[0])
        try:
            if before is None:
                raise LookupError
            known[before.id] = _edited(before, edit)
        except (ValidationError, LookupError):
            misfits.append(edit)
            continue
        if _pack_moved_on(packs, edit):
            departures.append(edit)
    return EditedDirectory(_rebuilt(packs, known, in_force), tuple(departures), tuple(misfits))


def entity(directory: Directory, subject: str) -> Organisation | Service | None:
    """The organisation with this slug, or the service with this key."""
    if fields.is_service(subject):
        entry = directory.service(subject)
        return entry.service if entry else None
    return directory.organisation(subject)


def _add_whole(known: dict[str, Organisation], edits: Sequence[Edit]) -> list[Edit]:
    misfits = []
    for edit in edits:
        if edit.field != fields.WHOLE or edit.subject in known:
            continue
        try:
            known[edit.subject] = Organisation.model_validate(edit.new["value"])
        except ValidationError:
            misfits.append(edit)
    return misfits


def _edited(organisation: Organisation, edit: Edit) -> Organisation:
    """Raises ValidationError, LookupError (no such field or service)."""
    if fields.field_of(edit.subject, edit.field) is None:
        raise LookupError
    value = edit.new["value"]
    if not fields.is_service(edit.subject):
        changed = fields.with_value(organisation, edit.field, value)
        assert isinstance(changed, Organisation)
        return changed.model_copy(update={"services": organisation.services})
    slug = edit.subject.partition("/")[2]
    if all(service.id != slug for service in organisation.services):
        raise LookupError
    services = tuple(
        fields.with_value(service, edit.field, value) if service.id == slug else service
        for service in organisation.services
    )
    return organisation.model_copy(update={"services": services})


def _pack_moved_on(packs: Directory, edit: Edit) -> bool:
    """Whether the pack's value is neither the one before the edit nor the edit's own."""
    pack_entity = entity(packs, edit.subject)
    return pack_entity is not None and fields.read(pack_entity, edit.field) not in (
        edit.old.get("value"),
        edit.new["value"],
    )


def _rebuilt(packs: Directory, known: dict[str, Organisation], edits: Sequence[Edit]) -> Directory:
    """Unchanged entries stay the same objects, so that their caches stay valid."""
    services = []
    for before in packs.services:
        organisation = known[before.organisation.id]
        if organisation is before.organisation:
            services.append(before)
            continue
        service = next(listed for listed in organisation.services if listed.id == before.service.id)
        services.append(replace(before, organisation=organisation, service=service))
    slugs = {organisation.id for organisation in packs.organisations}
    added = [organisation for slug, organisation in known.items() if slug not in slugs]
    services += [_entry(organisation, service) for organisation in added for service in organisation.services]
    fingerprint = json.dumps([packs.digest, *([edit.subject, edit.field, edit.new] for edit in edits)], sort_keys=True)
    return replace(
        packs,
        organisations=(*(known[organisation.id] for organisation in packs.organisations), *added),
        services=tuple(services),
        digest=hashlib.sha256(fingerprint.encode()).hexdigest(),
        files={**packs.files, **{organisation.id: DESK for organisation in added}},
        desk_languages=frozenset(edit.subject for edit in edits if edit.field == "languages"),
    )


def _entry(organisation: Organisation, service: Service) -> ServiceEntry:
    countries = {code for leaf in service.rule.leaves() if leaf.kind == "country" for code in leaf.test.any_of}
    return ServiceEntry(f"{organisation.id}/{service.id}", organisation, service, frozenset(countries))
