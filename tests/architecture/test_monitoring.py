"""deploy/monitoring: an alert for each problem, with what to do in the words of the handbook. promtool fires each."""

import configparser
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from app.operations.metrics import Metrics
from app.web.desk.labels import PROBLEMS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "monitoring"


def rules() -> list[dict[str, Any]]:
    found = yaml.safe_load((FOLDER / "prometheus-rules.yml").read_text())
    return [rule for group in found["groups"] for rule in group["rules"]]


def by_code() -> dict[str, dict[str, Any]]:
    named = ((re.search(r'code="([a-z-]+)"', rule["expr"]), rule) for rule in rules())
    return {match[1]: rule for match, rule in named if match}


def expressions() -> list[str]:
    board = json.loads((FOLDER / "grafana-dashboard.json").read_text())
    return [rule["expr"] for rule in rules()] + [one["expr"] for panel in board["panels"] for one in panel["targets"]]


def test_the_log_leaves_by_tls_with_a_certificate_on_each_side() -> None:
    config = configparser.ConfigParser()
    config.read(FOLDER / "journal-upload.conf")
    upload = config["Upload"]
    assert upload["URL"].startswith("https://")
    assert {"serverkeyfile", "servercertificatefile", "trustedcertificatefile"} <= set(upload)
    assert (
        f"deploy/monitoring/{FOLDER.joinpath('journal-upload.conf').name}" in (ROOT / "docs/operations.md").read_text()
    )


def test_each_problem_has_one_alert_that_says_what_to_do() -> None:
    assert set(by_code()) == set(PROBLEMS)
    for rule in rules():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert len(rule["annotations"]["action"]) > 20
        assert rule["annotations"]["summary"]


def test_the_handbook_has_each_with_the_same_words() -> None:
    handbook = (ROOT / "docs" / "operations.md").read_text()
    for code, rule in by_code().items():
        row = f"| `{code}` | {rule['annotations']['summary']}. | {rule['annotations']['action']} |"
        assert row in handbook, row


def test_every_metric_that_is_asked_for_is_one_that_a_process_gives() -> None:
    counted = Metrics()
    counted.observe_request("GET", "/healthz", 200, 0.1)
    given = set(re.findall(r"^(?:# TYPE )?(pristan_\w+)", counted.text(None).decode(), re.MULTILINE)) | {
        "pristan_problem"
    }
    asked = {name for expression in expressions() for name in re.findall(r"pristan_\w+", expression)}
    assert asked <= given
    assert len(asked) > 10


def test_promtool_fires_every_alert(tmp_path: Path) -> None:
    program = shutil.which("promtool")
    if program is None:
        return  # read above all the same
    problems = [
        {"series": f'pristan_problem{{code="{code}", surface="desk"}}', "values": "1+0x70"} for code in by_code()
    ]
    slow = [
        {"series": f'pristan_request_seconds_bucket{{le="{le}", route="/desk/"}}', "values": f"0+{step}x70"}
        for le, step in (("1.0", 10), ("5.0", 100), ("+Inf", 100))
    ]
    failing = [
        {"series": f'pristan_requests_total{{status="{status}"}}', "values": "0+100x70"} for status in ("200", "500")
    ]
    down = [{"series": 'up{job="pristan", instance="a"}', "values": "0+0x70"}]
    by_name = {rule["alert"]: rule for rule in rules()}

    def fires(name: str, **labels: str) -> dict[str, Any]:
        rule = by_name[name]
        alert = {
            "exp_labels": {"severity": rule["labels"]["severity"], **labels},
            "exp_annotations": rule["annotations"],
        }
        return {"eval_time": "70m", "alertname": name, "exp_alerts": [alert]}

    whole = {
        "rule_files": [str(FOLDER / "prometheus-rules.yml")],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [*problems, *slow, *failing, *down],
                "alert_rule_test": [
                    *(fires(rule["alert"]) for rule in by_code().values()),
                    fires("PristanDown", job="pristan", instance="a"), fires("PristanErrors"), fires("PristanSlow"),
                ],
            },
            {
                "interval": "1m",
                "input_series": [{"series": 'up{job="another"}', "values": "1+0x70"}],
                "alert_rule_test": [fires("PristanAbsent", job="pristan")],
            },
        ],
    }  # fmt: skip
    (tmp_path / "tests.yml").write_text(yaml.safe_dump(whole))
    told = subprocess.run(
        [program, "test", "rules", tmp_path / "tests.yml"], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr
    configuration = subprocess.run(
        [program, "check", "config", "--syntax-only", FOLDER / "prometheus.yml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert configuration.returncode == 0, configuration.stderr
