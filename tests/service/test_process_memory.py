"""What a process does so that its memory stays in memory; asked of a process of its own, because it cannot be undone."""

import subprocess
import sys

ASKED = """
import resource
from app.core import process_memory
done = process_memory.protect()
print(resource.getrlimit(resource.RLIMIT_CORE), done.left())
"""


def test_no_core_is_dumped_and_nobody_traces_us() -> None:
    told = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, check=True).stdout
    assert told.startswith("(0, 0) ")
    assert "core_dumps" not in told
    if sys.platform == "linux":
        assert "traceable" not in told


def test_memory_is_not_locked_where_the_limit_is_too_small_to_work_with() -> None:
    limited = "import resource; resource.setrlimit(resource.RLIMIT_MEMLOCK, (65536, 65536));" + ASKED
    told = subprocess.run([sys.executable, "-c", limited], capture_output=True, text=True, check=True).stdout
    assert "'swap'" in told, "said, and not failed"
