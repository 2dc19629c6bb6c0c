"""Arrows point down: the contracts of pyproject.toml hold, and no package stands outside them."""

import tomllib
from pathlib import Path

from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).parents[2]
NO_LAYER = {"countries", "locales"}  # data


def contracts() -> list[dict[str, list[str]]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found: list[dict[str, list[str]]] = settings["tool"]["importlinter"]["contracts"]
    return found


def test_the_contracts_hold() -> None:
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == EXIT_STATUS_SUCCESS


def test_every_package_has_its_layer() -> None:
    """A package that no layer names may import and be imported by anything."""
    layered = {name.strip() for layer in contracts()[0]["layers"] for name in layer.split("|")}
    there = {
        f"app.{path.stem}"
        for path in (ROOT / "app").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert there - layered - {f"app.{name}" for name in NO_LAYER} == {"app.__init__"}


def test_every_domain_package_is_kept_from_the_web() -> None:
    names = [{name.strip() for name in layer.split("|")} for layer in contracts()[0]["layers"]]
    edge = next(place for place, layer in enumerate(names) if "app.app_context" in layer)
    ground = next(place for place, layer in enumerate(names) if "app.settings" in layer)
    assert set().union(*names[edge + 1 : ground]) == set(contracts()[1]["source_modules"])


def test_every_rules_and_states_module_is_kept_from_the_database() -> None:
    there = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for name in ("rules", "states")
        for path in (ROOT / "app").glob(f"*/{name}.py")
        if path.parts[-2] not in {"cli", "api", "web"}
    }
    assert there <= set(contracts()[2]["source_modules"])


def test_every_package_says_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "app").glob("*/__init__.py")
        if not path.read_text().startswith('"""')
    ]
    assert silent == []
