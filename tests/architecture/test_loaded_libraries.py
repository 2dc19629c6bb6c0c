"""A web process does not load what only a few of its requests, or none, need: each library costs memory in every process."""

import subprocess
import sys

NOT_AT_THE_START = (
    "webauthn", "OpenSSL", "segno", "openpyxl", "xlsxwriter", "PIL", "pillow_heif", "pypdfium2", "holidays", "icalendar", "zxcvbn",
    "apprise", "uvicorn", "alembic",
)  # fmt: skip
_PROGRAM = """
import sys
import app.main
print(*sorted({name.partition(".")[0] for name in sys.modules} & set(sys.argv[1:])))
"""


def test_what_few_requests_need_is_loaded_by_them() -> None:
    asked = [sys.executable, "-c", _PROGRAM, *NOT_AT_THE_START]
    assert subprocess.run(asked, check=True, capture_output=True, text=True).stdout.split() == []
