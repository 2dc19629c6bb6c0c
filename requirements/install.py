"""Make .venv hold what a lock file names, with nothing but Python: `python3 requirements/install.py base|dev`.

venv -> pip installs one uv (and setuptools), each pinned by hash -> uv installs the rest, each pinned by hash.
Safe to run at any time: a venv that is sound costs a tenth of a second, one that is broken, half-made, moved or of
another Python is built again. Two runs at once wait for each other.

Only the standard library, and no syntax younger than Python 3.6, so that an old Python can say what is wrong.
"""

import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
BIN = os.path.join(VENV, "bin")
PYTHON = os.path.join(BIN, "python")
PLACE = os.path.join(VENV, ".place")
LOCK = os.path.join(ROOT, ".venv.lock")
OLDEST = (3, 11)
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")


def main(wanted):
    use_a_python_that_is_new_enough()
    with OneAtATime():
        if not venv_is_sound():
            make_venv()
        if not runs(os.path.join(BIN, "uv"), "--version") or not installed(requirements("uv"), quiet=True):
            bootstrap()
        install(requirements(wanted))
        if not os.path.exists(os.path.join(BIN, "pristan")):
            install_ourselves()
        with open(PLACE, "w") as place:
            place.write(ROOT)


def use_a_python_that_is_new_enough():
    """Go on with a newer Python of this machine when the one that was called is too old."""
    if sys.version_info >= OLDEST:
        return
    for name in NEWER:
        newer = shutil.which(name)
        if newer:
            os.execv(newer, [newer] + sys.argv)
    fail(
        "Pristan needs Python 3.11 or newer; this is Python %d.%d (%s)."
        % (sys.version_info[0], sys.version_info[1], sys.executable),
        "Install a newer one, or name it: make PYTHON=/path/to/python3.12",
    )


class OneAtATime:
    """Holds a lock file for as long as it is open; the system lets go of it even when we are killed."""

    def __enter__(self):
        self.file = open(LOCK, "a")
        try:
            import fcntl
        except ImportError:  # a system without flock: whoever runs two installs there has to wait by hand
            return
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *_error):
        self.file.close()


def venv_is_sound():
    """It is there, runs, is new enough and stands where it was made (its scripts name their own place)."""
    if not os.path.isdir(VENV):
        return False
    check = "import sys, encodings; sys.exit(0 if sys.version_info >= %r and sys.prefix != sys.base_prefix else 1)" % (
        OLDEST,
    )
    if not runs(PYTHON, "-c", check):
        return False
    if not os.path.exists(PLACE):  # interrupted before its end, or made by hand: good enough if pip runs
        return runs(PYTHON, "-m", "pip", "--version")
    with open(PLACE) as place:
        return place.read() == ROOT


def make_venv():
    say("Making .venv with Python %d.%d" % (sys.version_info[0], sys.version_info[1]))
    shutil.rmtree(VENV, ignore_errors=True)
    if os.path.lexists(VENV):
        os.remove(VENV)
    import venv

    try:
        venv.create(VENV, with_pip=True)
    except (ImportError, subprocess.CalledProcessError, OSError) as error:
        shutil.rmtree(VENV, ignore_errors=True)
        fail(
            "Python could not make a virtual environment (%s)." % type(error).__name__,
            "On Debian and Ubuntu: apt-get install python3-venv",
        )


def bootstrap():
    say("Installing uv")
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--force-reinstall", "--no-deps"]
    if call(pip + ["--require-hashes", "--only-binary", ":all:", "-r", requirements("uv")]) != 0:
        fail("pip could not install uv.", "Is the package index within reach? Nothing else was changed; run it again.")


def install(lock):
    """uv compares what is there with the lock and does only what is missing."""
    if installed(lock, quiet=True):
        return
    say("Installing " + os.path.relpath(lock, ROOT) + " (some minutes on a slow line)")
    if not installed(lock, quiet=False):
        fail("The packages could not be installed.", "What is there was kept; run it again.")


def installed(lock, quiet):
    uv = [
        os.path.join(BIN, "uv"),
        "pip",
        "install",
        "--python",
        PYTHON,
        "--require-hashes",
        "--only-binary",
        ":all:",
        "-r",
        lock,
    ]
    if quiet:
        return call(uv + ["--offline", "--no-cache", "--quiet"], silent=True) == 0
    return call(uv if sys.stderr.isatty() else uv + ["--quiet"]) == 0


def install_ourselves():
    """The `pristan` command, pointing at this folder. setuptools builds it; nothing is fetched."""
    uv = [
        os.path.join(BIN, "uv"),
        "pip",
        "install",
        "--python",
        PYTHON,
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--offline",
    ]
    if call(uv + ["--editable", ROOT]) != 0:
        fail("The `pristan` command could not be installed.")


def requirements(name):
    return os.path.join(ROOT, "requirements", name + ".txt")


def runs(*command):
    try:
        return call(list(command), silent=True) == 0
    except OSError:
        return False


def call(command, silent=False):
    """What the child prints goes to our standard error: `make run` keeps standard output for itself."""
    environment = dict(os.environ)
    for name in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"):
        environment.pop(name, None)
    if silent:
        return subprocess.call(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return subprocess.call(command, env=environment, cwd=ROOT, stdout=sys.stderr)


def say(text):
    sys.stderr.write("==> " + text + "\n")
    sys.stderr.flush()


def fail(*lines):
    sys.stderr.write("\n" + "\n".join(lines) + "\n\n")
    sys.exit(1)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in ("base", "dev"):
        fail("usage: python3 requirements/install.py base|dev")
    main(sys.argv[1])
