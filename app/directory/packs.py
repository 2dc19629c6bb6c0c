"""Country packs: folders of YAML files, read and validated together. A fifth country is a new folder.

An error names file, entry and field, for authors who are lawyers and not programmers. For the same reason the reading is
stricter than YAML: `yes`, `no` and dates stay text, and a field may appear only once.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from app.directory.catalogue import Directory, ServiceEntry
from app.directory.consistency import check
from app.directory.schemas import (
    Codes,
    Contact,
    Contacts,
    Country,
    Deadline,
    Deadlines,
    GuidanceFile,
    Helper,
    Helpers,
    Limit,
    Need,
    Needs,
    Organisation,
    Organisations,
    Persecution,
    Service,
    Source,
    Terms,
)

__all__ = [
    "Contact", "Country", "Deadline", "Directory", "Helper", "Limit", "Need", "Organisation", "PackError", "Persecution",
    "Service", "ServiceEntry", "Source", "load_packs",
]  # fmt: skip

PACKS: Final = Path(__file__).resolve().parent.parent / "countries"
CROSS_BORDER: Final = "xx"
FRAME: Final = "eu"
EXAMPLES: Final = "examples.yaml"  # tests the rules; not part of the digest
_SHOWN_FIRST: Final = ("pl", "ge", "lt", "de")
_Model = TypeVar("_Model", bound=BaseModel)


class PackError(Exception):
    """A pack is invalid. The message reads `file: entry: field: what is wrong`."""


def load_packs(root: Path | None = None) -> Directory:
    """Read all packs below `root`; by default the project's own packs, cached in the process. Raises PackError."""
    return _own() if root is None else _parsed(_texts(root))


@lru_cache(maxsize=1)
def _own() -> Directory:
    return _parsed(_texts(PACKS))


def _texts(root: Path) -> tuple[tuple[str, str], ...]:
    """Relative name and content of every file. Used as the cache key: the same texts are parsed once."""
    texts = []
    for path in sorted(path for path in root.rglob("*.yaml") if path.name != EXAMPLES):
        name = path.relative_to(root).as_posix()
        try:
            texts.append((name, path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            raise PackError(f"{name}: the whole file: not UTF-8 text") from None
    return tuple(texts)


@lru_cache(maxsize=4)
def _parsed(texts: tuple[tuple[str, str], ...]) -> Directory:
    documents = {name: document(name, text) for name, text in texts}
    digest = hashlib.sha256(json.dumps(documents, sort_keys=True).encode()).hexdigest()
    elsewhere_file = f"{CROSS_BORDER}/country.yaml"
    folders = sorted(
        (name.split("/")[0] for name in documents if name.endswith("/country.yaml") and name != elsewhere_file),
        key=_order,
    )
    countries = [_shaped(documents, f"{folder}/country.yaml", Country) for folder in folders]
    elsewhere = _shaped(documents, elsewhere_file, Country) if elsewhere_file in documents else None
    organisations: list[Organisation] = []
    files: dict[str, str] = {}
    for folder in (*folders, CROSS_BORDER):
        name = f"{folder}/services.yaml"
        for organisation in _shaped(documents, name, Organisations).organisations:
            if organisation.id in files:
                raise PackError(f"{name}: {organisation.id}: id: is also in {files[organisation.id]}")
            files[organisation.id] = name
            organisations.append(organisation)
    directory = Directory(
        tuple(countries),
        tuple(organisations),
        tuple(_entries(organisations, files, frozenset(country.code for country in countries))),
        _shaped(documents, "needs.yaml", Needs).needs,
        _shaped(documents, "persecution.yaml", Codes).codes,
        {name.upper(): _shaped(documents, f"{name}/deadlines.yaml", Deadlines) for name in (*folders, FRAME)},
        {
            name.upper(): _shaped(documents, f"{name}/emergency.yaml", Contacts).contacts
            for name in (*folders, CROSS_BORDER)
        },
        digest=digest,
        guidance_by_country={
            name.upper(): _shaped(documents, f"{name}/guidance.yaml", GuidanceFile).guidance
            for name in (*folders, FRAME, CROSS_BORDER)
            if f"{name}/guidance.yaml" in documents
        },
        helpers=_shaped(documents, f"{CROSS_BORDER}/elsewhere.yaml", Helpers).helpers,
        elsewhere=elsewhere,
        terms=_shaped(documents, "terms.yaml", Terms).terms,
        files=files,
    )
    for name in documents:
        folder = name.split("/")[0]
        raise PackError(f"{name}: the whole file: unknown file (a country is a folder with {folder}/country.yaml)")
    for fault in check(directory, folders):
        raise PackError(fault)
    return directory


def _order(folder: str) -> tuple[int, str]:
    return (_SHOWN_FIRST.index(folder) if folder in _SHOWN_FIRST else len(_SHOWN_FIRST), folder)


def _entries(
    organisations: list[Organisation], files: dict[str, str], everywhere: frozenset[str]
) -> Iterator[ServiceEntry]:
    """The services of all organisations. A cross-border service that names no country serves every country that has a pack."""
    for organisation in organisations:
        across = files[organisation.id].startswith(f"{CROSS_BORDER}/")
        for service in organisation.services:
            tests = [leaf.test.any_of for leaf in service.rule.leaves() if leaf.kind == "country"]
            served = frozenset(code for codes in tests for code in codes)
            key = f"{organisation.id}/{service.id}"
            yield ServiceEntry(key, organisation, service, everywhere if across and not tests else served)


# --- reading -------------------------------------------------------------------------------------------------------


def document(name: str, text: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506  a safe loader, in C where it is built
    except (
        yaml.YAMLError,
        ValueError,
        OverflowError,
        RecursionError,
    ) as error:  # the loader's `!!float` and long numbers raise their own
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}" if mark else "the whole file"
        problem = error.problem if isinstance(error, _Odd) else "not readable as YAML"
        raise PackError(f"{name}: {line}: {problem}") from None


def _shaped(documents: dict[str, Any], name: str, model: type[_Model]) -> _Model:
    """Remove one file from `documents` and return its validated content."""
    if name not in documents:
        raise PackError(f"{name}: the whole file: missing")
    document = documents.pop(name)
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise PackError(f"{name}: {_where(document, first['loc'])}: {first['msg']}") from None


def _where(document: Any, steps: tuple[int | str, ...]) -> str:
    """`entry: field` for a position in the document. An entry is named by its id, event, code, purpose or name."""
    names: list[str] = []
    for step in steps:
        inside = document[step] if _has(document, step) else None
        names.append(_called(inside) or f"entry {step + 1}" if isinstance(step, int) else step)
        document = inside
    return ": ".join(names) or "the whole file"


def _called(entry: Any) -> str | None:
    if not isinstance(entry, dict):
        return None
    names = (entry.get(key) for key in ("id", "event", "code", "purpose", "name"))
    return next((name for name in names if isinstance(name, str)), None)


def _has(document: Any, step: int | str) -> bool:
    if isinstance(document, dict):
        return step in document
    return isinstance(document, list) and isinstance(step, int) and step < len(document)


class _Odd(yaml.constructor.ConstructorError):
    """A field that appears twice in one entry, or whose name is not text."""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """A strict safe loader: `yes` and `2025-06-01` stay text, and a field may appear only once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                raise _Odd(None, None, f"{name} appears twice", key.start_mark)
            seen.add(name)
        made: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        for (key, _), name in zip(node.value, made, strict=False):
            if not isinstance(name, str):
                raise _Odd(None, None, f"{name} is a number, and not the name of a field", key.start_mark)
        return made


_BOOL, _DAY = "tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp"
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if tag not in {_BOOL, _DAY}]
    for first, rules in _Loader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOL, re.compile("^(?:true|false)$"), ["t", "f"])
