"""`make mutants`: makes small changes to the code, one at a time, and says which of them no test notices."""

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from mutants import accepted
from mutants.changes import Change, Kind, changes, compiles, sample
from mutants.planning import plan
from mutants.refusals import unseen
from mutants.traces import Traces, read

ROOT: Final = Path(__file__).resolve().parents[1]
TRACES: Final = ROOT / "build" / "traces"
SEED: Final = 17
NOT_NOTICED: Final = 3
"""The exit status when a survivor is not accepted, or an accepted one is stale. Another one than that of any accident."""
_CI: Final = {"minutes": 4.5, "limit": 20.0, "owners": 15, "others": 20}
_OWN: Final = {Kind.OWNER}


def main() -> None:
    parser = argparse.ArgumentParser(prog="make mutants ARGS=…", description=__doc__)
    parser.add_argument("--packages", nargs="*", default=["app"], help="folders or modules to change (default: app)")
    parser.add_argument(
        "--kinds", nargs="*", choices=[kind.value for kind in Kind], help="kinds of changes (default: all)"
    )
    parser.add_argument("--seed", type=int, default=SEED, help=f"another sample for each seed (default {SEED})")
    parser.add_argument("--count", type=int, default=40, help="how many changes (default 40)")
    parser.add_argument("--skip", type=int, default=0, help="leave out the first ones of this seed's order")
    parser.add_argument("--minutes", type=float, help="stop after this time (default 20)")
    parser.add_argument("--limit", type=float, help="seconds of tests for one change (default 60)")
    parser.add_argument(
        "--tests", type=int, default=100_000, help="at most so many tests for one change (default: all)"
    )
    parser.add_argument("--processes", type=int, help="how many at once (default 1)")
    parser.add_argument("--traces", type=Path, default=TRACES, help="what `--trace` wrote (default build/traces)")
    parser.add_argument(
        "--trace", action="store_true", help="first run the tests once, to see which goes through which lines"
    )
    parser.add_argument(
        "--ci", action="store_true", help="conditions of ownership and twenty others, within five minutes"
    )
    parser.add_argument("--refusals", action="store_true", help="only list the refusals that no test sees")
    parser.add_argument("--json", type=Path, help="write the results here, too")
    wanted = parser.parse_args()
    if wanted.trace:
        _trace(wanted.traces)
    ends = time.time() + 60 * (wanted.minutes or (_CI["minutes"] if wanted.ci else 20))
    if not list(wanted.traces.glob("*.jsonl")):
        print("No traces of the tests: run `make mutants ARGS=--trace` once. Nothing was judged.")
        sys.exit(0 if wanted.ci else 2)
    traces = read(wanted.traces)
    if wanted.refusals or wanted.ci:
        _list_unseen(traces)
    if wanted.refusals:
        return
    found = _of_continuous_integration() if wanted.ci else _asked_for(wanted)
    if wanted.ci:  # what runs at import needs a new process as well
        found = [change for change in found if not plan(change, ROOT, traces).imported]
    limit = wanted.limit or (_CI["limit"] if wanted.ci else 60)
    processes = wanted.processes or (min(os.cpu_count() or 1, 4) if wanted.ci else 1)
    results = _judge(found, traces, ends, limit, processes, wanted.tests)
    if wanted.ci:  # what runs in processes of its own is not traced
        unseen = {"result": "not judged", "why": "no test was seen there"}
        results = [{**line, **unseen} if line["result"] == "no test" else line for line in results]
    if wanted.json:
        wanted.json.write_text(json.dumps(results, ensure_ascii=False, indent=1))
    sys.exit(_report(found, results))


def _list_unseen(traces: Traces) -> None:
    refusals = unseen(ROOT, traces)
    print(f"{len(refusals)} refusals that no test sees")
    for change in refusals:
        print(f"  {change.path}:{change.line} {change.function}: {' '.join(change.before.split())[:100]}")


def _trace(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "mutants.tracing",
        "--numprocesses",
        "2",
        "--dist",
        "worksteal",
    ]
    subprocess.run(command, cwd=ROOT, env={**os.environ, "MUTANTS_TRACES": str(folder)}, check=False)


def _all(packages: list[str]) -> list[Change]:
    found = []
    for package in packages:
        place = ROOT / package
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            found += changes(path.read_text(), str(path.relative_to(ROOT)))
    return found


def _asked_for(wanted: argparse.Namespace) -> list[Change]:
    kinds = {Kind(kind) for kind in wanted.kinds or Kind}
    order = sample(_all(wanted.packages), wanted.seed, lambda change: change.kind in kinds)
    return _some(list(order), wanted.skip, wanted.count)


def _some(order: list[Change], skip: int, count: int) -> list[Change]:
    """So many that compile, after as many that are left out."""
    found: list[Change] = []
    for change in order:
        if len(found) == skip + count:
            break
        if compiles(change, (ROOT / change.path).read_text()):
            found.append(change)
    return found[skip:]


def _of_continuous_integration() -> list[Change]:
    """Three conditions of ownership, then one of the twenty others, and so on. Only inside functions: for what stands outside a
    new process has to import everything, which takes longer than all of these together.
    """
    everything = [change for change in _all(["app"]) if change.in_body]
    owners = _some(list(sample(everything, SEED, lambda change: change.kind in _OWN)), 0, int(_CI["owners"]))
    others = _some(list(sample(everything, SEED, lambda change: change.kind not in _OWN)), 0, int(_CI["others"]))
    return [change for at, other in enumerate(others) for change in (*owners[3 * at : 3 * at + 3], other)]


def _copy(to: Path) -> None:
    """The files that git knows or would, and the compiled catalogues."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    names = [name for name in listed.stdout.decode().split("\0") if name]
    names += [str(path.relative_to(ROOT)) for path in ROOT.glob("app/locales/*/LC_MESSAGES/*.mo")]
    for name in names:
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def _judge(
    found: list[Change], traces: Traces, ends: float, limit: float, processes: int, most: int
) -> list[dict[str, Any]]:
    """The results; a change that was not got to has none. Each process has a copy of its own and every so manieth change."""
    with tempfile.TemporaryDirectory(prefix="pristan-mutants-") as folder:
        entries = [_entry(change, traces, most) for change in found]
        started = [
            _start(Path(folder) / str(at), {"changes": entries[at::processes], "limit": limit, "ends": ends})
            for at in range(processes)
        ]
        for process in started:
            _wait(process, ends + 15)
        said = [line for at in range(processes) for line in _said(Path(folder) / str(at))]
    for line in said:
        if "problem" in line:
            print(line["problem"])
    return [line for line in said if "name" in line]


def _entry(change: Change, traces: Traces, most: int) -> dict[str, Any]:
    planned = plan(change, ROOT, traces)
    return {"name": change.name, "change": asdict(change), "tests": planned.tests[:most], "imported": planned.imported}


def _start(room: Path, order: dict[str, Any]) -> "subprocess.Popen[bytes]":
    _copy(room / "tree")
    (room / "plan.json").write_text(json.dumps(order))
    command = [sys.executable, "-m", "mutants.judging", str(room / "plan.json"), str(room / "results.jsonl")]
    with (room / "log").open("w") as log:
        return subprocess.Popen(command, cwd=room / "tree", stdout=log, stderr=log, stdin=subprocess.DEVNULL)


def _wait(process: "subprocess.Popen[bytes]", until: float) -> None:
    """Until it has ended, by itself or not."""
    try:
        process.wait(max(1.0, until - time.time()))
    except subprocess.TimeoutExpired:
        process.kill()  # its children end with the work they are at; PostgreSQL's keeper sees that it is gone
        process.wait()


def _said(room: Path) -> list[dict[str, Any]]:
    results = room / "results.jsonl"
    if not results.exists():
        print("Nothing was judged:", (room / "log").read_text()[-3000:])
        return []
    return [json.loads(line) for line in results.read_text().splitlines()]


def interval(noticed: int, judged: int) -> tuple[float, float]:
    """The 95 % interval of a share, after Wilson."""
    if not judged:
        return 0.0, 1.0
    z, share = 1.959964, noticed / judged
    middle = share + z * z / (2 * judged)
    spread = z * math.sqrt(share * (1 - share) / judged + z * z / (4 * judged * judged))
    return (middle - spread) / (1 + z * z / judged), (middle + spread) / (1 + z * z / judged)


def _report(found: list[Change], results: list[dict[str, Any]]) -> int:
    """Print the table and the survivors; NOT_NOTICED if one of them is not accepted."""
    known = accepted.read()
    by_name = {line["name"]: line for line in results}
    table: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    survivors, unjudged = [], []
    for change in found:
        result = by_name.get(change.name, {"result": "not judged", "why": "no time left"})
        word = result["result"]
        if word in {"survived", "no test"}:
            word = "accepted" if change.name in known else "survived"
            if word == "survived":
                survivors.append((change, result))
        elif word == "not judged":
            unjudged.append((change, result))
        package = "/".join(change.path.split("/")[:2])
        for row in ((package, ""), ("", change.kind.value), ("", "")):
            table[row][word] += 1
    columns = ("noticed", "survived", "accepted", "not judged")
    print(f"\n{'':<28}" + "".join(f"{word:>12}" for word in columns))
    for (package, kind), counts in sorted(table.items(), key=lambda item: (not item[0][0], not item[0][1], item[0])):
        print(f"{package or kind or 'together':<28}" + "".join(f"{counts[word]:>12}" for word in columns))
    for change, result in unjudged:
        if result.get("why") != "no time left":
            print(f"not judged ({result.get('why')}): {change.path}:{change.line} {change.name}")
    missed = sum(result.get("why") == "no time left" for _change, result in unjudged)
    if missed:
        print(f"not got to: {missed} of {len(found)}")
    for change, result in survivors:
        tests = f"{result.get('tests', 0)} tests" if result["result"] == "survived" else "no test goes there"
        print(f"\nSURVIVED {change.path}:{change.line} ({tests})\n  {change.name}")
    total = table["", ""]
    judged = total["noticed"] + total["survived"]
    low, high = interval(total["noticed"], judged)
    if judged:
        share = total["noticed"] / judged
        print(f"\n{total['noticed']} of {judged} noticed: {share:.0%} (95 % interval {low:.0%} to {high:.0%})")
    stale = accepted.stale(ROOT)
    for name in stale:
        print(f"STALE in mutants/accepted.yaml: {name}")
    return NOT_NOTICED if survivors or stale else 0


if __name__ == "__main__":
    main()
