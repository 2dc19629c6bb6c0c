"""A rule as a form with the common tests: read from a rule and written back into it. Pure.

The form shows the first plain test of each kind at the top of an `all`. Everything else of the rule (`any`, `not`, further tests of
the same kind, other kinds) stays as it is; it is changed in YAML.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

KINDS: Final = ("country", "status", "group", "language")
"""The tests of the form, in its order. The needs are a field of the service and a test of its rule at once."""
INTERPRETER: Final = ("unknown", "yes", "no")


@dataclass(frozen=True, slots=True)
class RuleForm:
    """The codes of each test by kind, whether an interpreter helps with other languages, and the parts that the form does not show.

    `has`: the kinds that the rule tests; a language test may name no language.
    """

    needs: tuple[str, ...]
    codes: Mapping[str, tuple[str, ...]]
    interpreter: str
    rest: tuple[Mapping[str, Any], ...]
    has: frozenset[str]


def read(service: Mapping[str, Any]) -> RuleForm:
    """The form of a service. `service`: its needs and its rule, as in a rule set."""
    codes: dict[str, tuple[str, ...]] = {}
    interpreter, rest = "unknown", []
    for node in _nodes(service["rule"]):
        kind = _plain_kind(node)
        if kind == "need" and "need" not in codes:
            codes["need"] = tuple(node["need"]["any_of"])
        elif kind in KINDS and kind not in codes:
            codes[kind] = tuple(node[kind].get("any_of", ()))
            interpreter = node[kind].get("interpreter", interpreter) if kind == "language" else interpreter
        else:
            rest.append(node)
    return RuleForm(
        tuple(service["needs"]),
        {kind: codes.get(kind, ()) for kind in KINDS},
        interpreter,
        tuple(rest),
        frozenset(codes),
    )


def write(
    service: Mapping[str, Any], needs: Sequence[str], codes: Mapping[str, Sequence[str]], interpreter: str
) -> dict[str, Any]:
    """The service with what the form says. A test without codes is left out; but a language test that the rule has stays.

    Codes that stay keep their order, whatever the order of the form: a form that is sent back unchanged changes nothing.
    """
    needs = _in_order(service["needs"], needs)
    wanted = {"need": list(needs), **{kind: list(codes.get(kind, ())) for kind in KINDS}}
    nodes, done = [], set[str]()
    for node in _nodes(service["rule"]):
        kind = _plain_kind(node)
        if kind not in wanted or kind in done:
            nodes.append(node)
            continue
        done.add(kind)
        if kind == "need":
            wanted["need"] = _needs_of_test(node, service["needs"], needs)
        elif "any_of" in node[kind]:
            wanted[kind] = _in_order(node[kind]["any_of"], wanted[kind])
        if wanted[kind] or kind == "language":
            changed = {**node[kind], "any_of": wanted[kind]}
            if kind == "language":
                changed["interpreter"] = interpreter
            if kind == "status" and "perhaps" in changed:
                changed["perhaps"] = [code for code in changed["perhaps"] if code in wanted[kind]]
            nodes.append({kind: changed})
    for kind, names in wanted.items():
        if kind not in done and names:
            nodes.append({kind: {"any_of": names, **({"interpreter": interpreter} if kind == "language" else {})}})
    return {"needs": list(needs), "rule": {"all": nodes}}


def _in_order(before: Sequence[str], after: Sequence[str]) -> list[str]:
    return [code for code in before if code in after] + [code for code in after if code not in before]


def _needs_of_test(node: Mapping[str, Any], before: Sequence[str], after: Sequence[str]) -> list[str]:
    """The needs that the rule requires: those before, without the removed ones and with the added ones."""
    tested = node["need"]["any_of"]
    kept = [need for need in tested if need in after or need not in before]
    return kept + [need for need in after if need not in tested and need not in before]


def _nodes(rule: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(rule["all"]) if "all" in rule else [rule]


def _plain_kind(node: Mapping[str, Any]) -> str:
    (kind,) = node
    return kind if kind == "need" or kind in KINDS else ""
