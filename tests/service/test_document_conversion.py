"""Files become harmless pictures of their pages in a process that can do nothing else."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

import anyio
import pytest
from PIL import Image

from app.core.errors import Unavailable
from app.documents import conversion as conversions
from app.documents import page_images
from app.documents.confinement import MEASURES
from app.documents.conversion import Converters
from app.documents.limits import LONGEST_SIDE, MOST_PAGE_BYTES, FileLimits, Refusal
from tests.support import hostile_files
from tests.support.hostile_files import CANARY, PAGES

LIMITS = FileLimits(cpu_seconds=2)
QUIET_MARKERS = {0xD8, 0xE0, 0xDB, 0xC0, 0xC4, 0xDA, 0xD9, 0xDD}
"""Start, JFIF header, tables, frame, scan and end of a JPEG. No comment, no other application segment."""


def convert(files: Iterable[bytes], limits: FileLimits = LIMITS, command=None) -> list[list[bytes] | Refusal]:
    """What becomes of each file, all in one converting process."""

    async def run() -> list[list[bytes] | Refusal]:
        converters, found = Converters(limits, seconds=600, command=command), []
        async with converters.open() as conversion:
            for file in files:
                await conversion.feed(file)
                found.append(await conversion.pages())
            assert conversion.is_running
        return found

    return anyio.run(run)


def markers(jpeg: bytes) -> set[int]:
    """The markers before the picture's data, and the last one."""
    found, at = {jpeg[1], jpeg[-1]}, 2
    while jpeg[at + 1] != 0xDA:
        found.add(jpeg[at + 1])
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return found


def check_harmless(pages: list[bytes]) -> None:
    for page in pages:
        assert markers(page) <= QUIET_MARKERS
        assert CANARY.encode() not in page
        assert b"PK\x03\x04" not in page
        assert b"<script" not in page
        with Image.open(io.BytesIO(page)) as image:
            assert (image.format, image.mode) == ("JPEG", "RGB")
            assert max(image.size) <= LONGEST_SIDE
            assert not image.getexif()
            assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi"}
            image.load()


def outcome(found: list[bytes] | Refusal) -> str:
    return PAGES if isinstance(found, list) else found.value


def test_a_hostile_file_is_refused_or_becomes_harmless_pages():
    files = {**hostile_files.pictures(), **hostile_files.documents(), **hostile_files.neither()}
    assert len(files) >= 60
    results = convert(content for content, _allowed in files.values())
    wrong = {
        name: outcome(found)
        for (name, (_content, allowed)), found in zip(files.items(), results, strict=True)
        if outcome(found) not in allowed
    }
    assert wrong == {}
    for found in results:
        if isinstance(found, list):
            check_harmless(found)


def test_fuzzed_files_never_end_the_process_and_leave_nothing_of_their_metadata():
    results = convert(hostile_files.fuzzed(200))
    assert len(results) == 200
    for found in results:
        if isinstance(found, list):
            check_harmless(found)
    assert {outcome(found) for found in results} >= {PAGES, Refusal.DAMAGED.value}


def test_place_device_thumbnail_and_profile_of_a_photo_are_gone_and_it_stands_upright():
    names = ("JPEG", "PNG", "WEBP", "HEIF")
    for name, found in zip(names, convert(hostile_files.telling_photo(name) for name in names), strict=True):
        assert isinstance(found, list), name
        check_harmless(found)
        with Image.open(io.BytesIO(found[0])) as image:
            if name != "HEIF":  # the file says that it was turned to the right: what was on top is on the right now
                assert image.size == (40, 60)
                assert max(image.getpixel((35, 5))) < 60
                assert min(image.getpixel((5, 55))) > 200


def test_colours_are_those_of_the_profile():
    red = Image.new("RGB", (50, 50), (220, 30, 30))
    plain, converted = convert(
        [
            hostile_files.encoded(red, "PNG"),
            hostile_files.encoded(red, "PNG", icc_profile=hostile_files.swapped_profile()),
        ]
    )
    before, after = (Image.open(io.BytesIO(found[0])).getpixel((20, 20)) for found in (plain, converted))
    assert before[0] > 200 > 60 > before[1]
    assert after[1] > 180 > after[0]


def test_small_print_of_a_large_photo_stays_large_enough_to_read():
    [photo] = convert([hostile_files.encoded(Image.new("L", (6000, 4500), 255), "JPEG")])
    [letter] = convert([hostile_files.one_page().replace(b"0 0 200 100", b"0 0 595 842")])
    assert Image.open(io.BytesIO(photo[0])).size == (2600, 1950)
    assert Image.open(io.BytesIO(letter[0])).size == (1653, 2339)  # 200 dots per inch


def test_a_file_that_is_larger_than_allowed_is_not_taken_further():
    async def run() -> None:
        async with Converters(replace(LIMITS, bytes=100)).open() as conversion:
            assert await conversion.feed(bytes(60))
            assert not await conversion.feed(bytes(60))
            assert await conversion.pages() is Refusal.TOO_BIG
            assert not conversion.is_running

    anyio.run(run)


def test_pages_that_are_left_limit_a_file():
    assert convert([hostile_files.many_pages(3)], replace(LIMITS, pages=2)) == [Refusal.TOO_MANY_PAGES]


READERS = """
import ctypes, json, os, sys, time
from app.documents import converter, page_images
genuine = page_images.pages_of
def pages_of(content, limits):
    if content == b"crash":
        ctypes.string_at(0)
    if content == b"busy":
        while True:
            pass
    if content == b"greedy":
        yield bytearray(10 ** 10)
    if content == b"quits":
        os._exit(0)
    if content == b"odd":
        for descriptor in range(3, 16):
            try:
                os.write(descriptor, b"P\\0\\0\\0\\4\\xff\\xff\\xff\\xff")
            except OSError:
                pass
        os._exit(0)
    if content == b"wordy":
        for descriptor in range(3, 16):
            try:
                os.write(descriptor, b"R\\0\\0\\0\\5hello")
            except OSError:
                pass
        os._exit(0)
    if content == b"sleeps":
        time.sleep(3600)
    yield from genuine(content, limits)
page_images.pages_of = pages_of
converter.main()
"""


def taken_over(limits: FileLimits) -> list[str]:
    """The converting process with a reader that does what a file says."""
    return [sys.executable, "-I", "-c", READERS, json.dumps(asdict(limits))]


def test_a_reader_that_crashes_or_lies_costs_its_file_alone():
    good = hostile_files.encoded(hostile_files.picture(), "PNG")
    files = [b"crash", good, b"busy", good, b"greedy", b"quits", b"odd", b"wordy", good]
    results = convert(files, replace(LIMITS, cpu_seconds=1), taken_over)
    assert [outcome(found) for found in results] == [
        "damaged",
        PAGES,
        "too_slow",
        PAGES,
        "too_big",
        "damaged",
        "damaged",
        "damaged",
        PAGES,
    ]


def test_a_reader_that_sleeps_is_killed_with_its_process():
    async def run() -> None:
        async with Converters(LIMITS, seconds=0.5, command=taken_over).open() as conversion:
            await conversion.feed(b"sleeps")
            assert await conversion.pages() is Refusal.TOO_SLOW
            assert not conversion.is_running

    anyio.run(run)


def test_a_process_that_does_not_start_or_answers_nonsense_stores_nothing():
    def silent(_limits: FileLimits) -> list[str]:
        return [sys.executable, "-I", "-c", "print('nonsense' * 100)"]

    async def run() -> None:
        with pytest.raises(conversions.ConverterFailed):
            async with Converters(LIMITS, command=silent).open():
                pass
        assert await Converters(LIMITS, command=silent).confinement() == {}

    anyio.run(run)


def test_only_so_many_processes_are_alive_at_once():
    async def run() -> None:
        converters = Converters(LIMITS, alive=1)
        async with converters.open() as conversion:
            with pytest.raises(Unavailable):
                async with converters.open():
                    pass
            assert await conversion.pages() is Refusal.NOT_ACCEPTED
        assert set(await converters.confinement()) == set(MEASURES)

    anyio.run(run)


ESCAPES = """
import errno, json, os, signal, socket, sys
from app.documents import confinement
from app.documents.limits import FileLimits
limited = confinement.limit(FileLimits(), cpu_seconds=20)
reached = {"limits": limited, **confinement.confine()}
further = confinement.confine_further()
def tried(name, what):
    try:
        what()
    except (OSError, MemoryError) as error:
        return [name, errno.errorcode.get(getattr(error, "errno", None) or 0, "memory")]
    return [name, "ESCAPED"]
def start_process():
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
def start_program():  # where nothing forbids it, this process would be gone
    if reached["seccomp"] or reached["landlock"]:
        os.execv("/bin/true", ["true"])
found = [
    tried("reads", lambda: os.open("/etc/passwd", os.O_RDONLY)),
    tried("lists", lambda: os.listdir("/")),
    tried("writes", lambda: os.open("/tmp/escaped", os.O_RDWR | os.O_CREAT)),
    tried("connects", lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM)),
    tried("talks to neighbours", lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)),
    tried("starts a process", start_process),
    tried("starts a program", start_program),
    tried("kills", lambda: os.kill(os.getppid(), 0)),
    tried("takes memory", lambda: bytearray(4 * 10 ** 9)),
    tried("makes a pipe", os.pipe),
]
os.write(1, json.dumps([reached, further, found, sorted(os.environ)]).encode())
"""


ALSO_FORBIDS = {
    "reads": "landlock", "lists": "landlock", "writes": "landlock", "starts a program": "landlock", "takes memory": "limits",
}  # fmt: skip
"""What another measure than the filter of system calls forbids too, so that it holds on a kernel without one."""


def test_the_process_can_open_no_file_no_socket_and_no_process():
    done = subprocess.run(
        [sys.executable, "-I", "-c", ESCAPES], env={}, capture_output=True, timeout=120, check=True, close_fds=True
    )
    reached, further, found, environment = json.loads(done.stdout)
    filtered = reached["seccomp"] and further
    open_to_it = {name for name, _ended in found if not filtered and not reached[ALSO_FORBIDS.get(name, "seccomp")]}
    assert {name for name, ended in found if ended == "ESCAPED"} <= open_to_it, "what is not forbidden is said to be so"
    assert set(environment) <= {"LC_CTYPE"}
    assert reached["no_new_privs"]


def test_the_process_gets_nothing_of_ours(monkeypatch):
    monkeypatch.setenv("PRISTAN_SECRET", CANARY)
    opened = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(opened, True)

    async def run() -> None:
        async with Converters(LIMITS).open() as conversion:
            of_process = f"/proc/{conversion._process.pid}"
            try:
                environment = Path(of_process, "environ").read_bytes()
                descriptors = os.listdir(f"{of_process}/fd")
            except PermissionError:  # it let nobody look; root may
                return
            assert CANARY.encode() not in environment
            assert set(descriptors) <= {"0", "1", "2"}

    try:
        anyio.run(run)
    finally:
        os.close(opened)


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ("Memory allocation error: Unspecified: Allocating 65482767 bytes failed", Refusal.TOO_BIG),
        ("Invalid input: Unspecified: Bitstream not supported", Refusal.DAMAGED),
    ],
)
def test_a_photo_for_which_the_memory_is_too_small_is_called_too_big(said: str, refusal: Refusal, monkeypatch) -> None:
    """As libheif says it of a camera's picture of 33 megapixels with 10 bits."""

    def fails(*_arguments: object, **_named: object) -> None:
        raise RuntimeError(said)

    monkeypatch.setattr(page_images.Image, "open", fails)
    with pytest.raises(page_images.Refused) as caught:
        list(page_images.pages_of(b"\0\0\0\x18ftypheix", LIMITS))
    assert caught.value.refusal is refusal


def test_noise_that_no_quality_makes_small_is_drawn_smaller_and_the_next_file_is_its_own() -> None:
    noise = Image.effect_noise((2600, 2600), 255).point(lambda value: 255 * (value > 127))
    file = io.BytesIO()
    noise.convert("1").save(file, "PNG")
    drawn, page = convert([file.getvalue(), hostile_files.one_page(b"")], FileLimits())
    assert max(map(len, drawn)) <= MOST_PAGE_BYTES
    assert len(page) == 1


def test_nobody_has_two_processes_at_a_time() -> None:
    async def run() -> None:
        converters = Converters(LIMITS)
        async with converters.open(whose=b"one"), converters.open(whose=b"another"):
            with pytest.raises(Unavailable):
                async with converters.open(whose=b"one"):
                    pass
        async with converters.open(whose=b"one"):
            pass

    anyio.run(run)
