"""Every use of the root secret stands in `operations.root_uses`, with what becomes of it when the root is replaced."""

import ast
import re
from pathlib import Path

from app.core.signing import ALG
from app.operations.encrypted_columns import ENCRYPTED_COLUMNS, HIDDEN_COLUMNS
from app.operations.root_uses import ROOT_USES, AtNewRoot

ROOT = Path(__file__).parents[2]
RINGS = {"keys", "ring", "self", "former", "running"}


def purposes() -> set[str]:
    """The first argument of each `mac`, `macs` and `derive` that is called on a key ring; of an f-string what is constant."""
    found = set()
    for path in (ROOT / "app").rglob("*.py"):
        if path.name == "keyring.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                continue
            verb, owner = node.func.attr, ast.unparse(node.func.value).rpartition(".")[2]
            if verb in {"mac", "macs", "derive"} and owner in RINGS:
                found.add(("mac:" if verb != "derive" else "") + re.sub(r"^f?'|'$", "", ast.unparse(node.args[0])))
    return found


def test_each_purpose_in_the_source_is_listed() -> None:
    cookies = {use.purpose for use in ROOT_USES if use.purpose.startswith("mac:browser-secret:")}
    assert cookies == {f"mac:browser-secret:{name}" for name in ("s", "staff_form", "staff_browser", "link")}
    listed = {use.purpose for use in ROOT_USES} - cookies | {"mac:_PURPOSE + purpose"}
    assert purposes() == listed
    assert ALG == "Ed25519"


def test_each_cookie_whose_secret_we_mint_is_listed() -> None:
    named = set()
    for path in (ROOT / "app").rglob("*.py"):
        text = path.read_text()
        for constant in re.findall(r"(?:cookies|browser_secrets)\.(?:mint|secret|is_minted)\(.*?(\w*COOKIE)", text):
            named |= set(re.findall(rf'^{constant}: Final = "(\w+)"', text, re.M))
    assert {f"mac:browser-secret:{name}" for name in named} == {
        use.purpose for use in ROOT_USES if use.purpose.startswith("mac:browser-secret:")
    }


def test_what_a_kept_key_made_lies_under_the_epoch_key_too() -> None:
    covered = {column.name for column in ENCRYPTED_COLUMNS}
    for use in ROOT_USES:
        if use.at_new_root is AtNewRoot.KEPT and not use.open_because:
            assert set(use.stored) <= covered, use.purpose
    kept = {name for use in ROOT_USES if use.at_new_root is AtNewRoot.KEPT for name in use.stored}
    assert {column.name for column in HIDDEN_COLUMNS} <= kept


def test_the_page_has_the_same_table() -> None:
    """docs/crypto.md: | purpose | what for | with a new root | stored in |."""
    page = (ROOT / "docs" / "crypto.md").read_text()
    rows = re.findall(r"^\| `([^`|]+)` \| ([^|]+) \| (kept|fades|epoch) \| ([^|]*) \|$", page, re.M)
    assert [(purpose, what, at, re.findall(r"`([a-z_.]+)`", stored)) for purpose, what, at, stored in rows] == [
        (use.purpose, use.what, use.at_new_root.value, list(use.stored)) for use in ROOT_USES
    ]
