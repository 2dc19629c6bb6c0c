"""Running the samples that are written in JavaScript. Where there is no Node they are left to the continuous integration,
which installs it; there a missing Node is a failure."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).parents[2] / "docs" / "samples"
NODE = shutil.which("node") or shutil.which("nodejs")
LANGUAGES = ("python", "javascript") if NODE or os.environ.get("CI") else ("python",)


def run(script: str, given: dict[str, Any]) -> Any:
    """What the sample prints, as JSON. Raises CalledProcessError when it gives up."""
    assert NODE, "node is needed: the samples in JavaScript are run in CI"
    path = SAMPLES / script
    done = subprocess.run([NODE, path], input=json.dumps(given), capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)
