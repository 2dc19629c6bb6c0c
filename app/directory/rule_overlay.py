"""A rule set applied to a directory. Pure.

A rule set names services by key, each with its needs and its rule; a service that it does not name keeps the rule it has.
Languages that were published at the desk take precedence over a rule set.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from app.directory import fields
from app.directory.catalogue import Directory, ServiceEntry
from app.directory.consistency import check
from app.directory.rules import Rule
from app.directory.schemas import Organisation, Service

Content = Mapping[str, Mapping[str, Any]]


class BadRuleSet(Exception):
    """The rule set cannot be applied to the directory. The message reads `service: field: what is wrong`."""


def content_of(directory: Directory) -> dict[str, dict[str, Any]]:
    """Needs and rule of every service, by key: what is needed to explain a stored run."""
    return {
        entry.key: {
            "needs": list(entry.service.needs),
            "rule": entry.service.rule.model_dump(mode="json", exclude_none=True, by_alias=True),
        }
        for entry in directory.services
    }


def digest_of(content: Content) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def apply_rules(directory: Directory, content: Content, name: str) -> Directory:
    """The directory with these rules. Unchanged entries stay the same objects. `name`: part of the new digest.

    Rules of services that are not in the directory are ignored: a centre may have closed. Raises BadRuleSet.
    """
    changed = {
        entry.key: service
        for entry in directory.services
        if (service := _changed(entry, _said(directory, entry, content))) is not entry.service
    }
    digest = hashlib.sha256(f"{directory.digest}:{name}".encode()).hexdigest()
    if not changed:
        return replace(directory, digest=digest)
    organisations = {organisation.id: _with_services(organisation, changed) for organisation in directory.organisations}
    services = tuple(
        _entry(entry, organisations[entry.organisation.id], changed.get(entry.key, entry.service))
        for entry in directory.services
    )
    return replace(directory, organisations=tuple(organisations.values()), services=services, digest=digest)


def faults(directory: Directory) -> list[str]:
    """Unknown codes, and needs that no rule asks for, as messages."""
    return list(check(directory, [country.code.lower() for country in directory.countries]))


def differences(before: Content, after: Content) -> list[str]:
    """Keys of the services that differ in `after`."""
    return sorted(key for key in after if after[key] != before.get(key))


def other_languages(directory: Directory, content: Content) -> list[str]:
    """Keys of the services for which `content` has languages other than those published at the desk."""
    return sorted(
        entry.key
        for entry in directory.services
        if entry.key in directory.desk_languages
        and entry.key in content
        and _languages(_said(directory, entry, content)) != _languages(content[entry.key])
    )


def _languages(entry: Mapping[str, Any] | None) -> list[frozenset[str]]:
    rule = Rule.model_validate(entry["rule"] if entry else None)
    return [frozenset(leaf.test.any_of) for leaf in rule.leaves() if leaf.kind == "language"]


def _said(directory: Directory, entry: ServiceEntry, content: Content) -> Mapping[str, Any] | None:
    change = content.get(entry.key)
    if change is None or entry.key not in directory.desk_languages:
        return change
    try:
        rule = Rule.model_validate(change.get("rule"))
    except ValidationError:
        return change  # invalid content is refused later, with its position, when the service is built from it
    written = rule.model_dump(mode="json", exclude_none=True, by_alias=True)
    return {**change, "rule": fields.with_languages(written, list(fields.languages(entry.service.rule)))}


def _changed(entry: ServiceEntry, change: Mapping[str, Any] | None) -> Service:
    service = entry.service
    if change is None:
        return service
    document = service.model_dump(mode="json", exclude_none=True, by_alias=True)
    if document["rule"] == change.get("rule") and document["needs"] == change.get("needs"):
        return service
    try:
        return Service.model_validate({**document, "needs": change.get("needs"), "rule": change.get("rule")})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        position = ": ".join(map(str, first["loc"]))
        raise BadRuleSet(f"{entry.key}: {position}: {first['msg']}") from None


def _with_services(organisation: Organisation, changed: Mapping[str, Service]) -> Organisation:
    keys = [f"{organisation.id}/{service.id}" for service in organisation.services]
    if changed.keys().isdisjoint(keys):
        return organisation
    services = tuple(changed.get(key, service) for key, service in zip(keys, organisation.services, strict=True))
    return organisation.model_copy(update={"services": services})


def _entry(before: ServiceEntry, organisation: Organisation, service: Service) -> ServiceEntry:
    if organisation is before.organisation:
        return before
    if service is before.service:
        return replace(before, organisation=organisation)
    tests = [leaf.test.any_of for leaf in service.rule.leaves() if leaf.kind == "country"]
    served = frozenset(code for codes in tests for code in codes) or before.countries
    return replace(before, organisation=organisation, service=service, countries=served)
