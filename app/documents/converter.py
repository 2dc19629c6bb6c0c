"""The program of the converting process: files come in over standard input, pictures of their pages go out over standard output.

Started as `python -I -m app.documents.converter LIMITS` with an empty environment and no descriptors but these two. It gives up
files, network and most system calls before it reads the first byte. For each file it starts a child with even fewer rights, which
reads the file and returns nothing but pixels over a pipe. So what comes out was encoded by a process that has never parsed
anything of the sender's: a file that takes over its reader can draw a picture, and no more.

In: for each file, pieces of up to 1 MiB, each with its length before it (4 bytes); a length of 0 ends the file, and `GIVE_BACK`
asks for the previous file, untouched. Out: frames of a kind (1 byte), a length (4 bytes) and a content; see `Frame`.
"""

import io
import json
import os
import signal
import struct
import sys
from typing import Final

from app.documents import confinement
from app.documents.limits import LONGEST_SIDE, FileLimits, Refusal, most_page_bytes

MOST_FILES_CPU_SECONDS: Final = 600
_MOST_PIECE: Final = 1 << 20
_HEADER: Final = struct.Struct(">cI")
_SIZE: Final = struct.Struct(">HH")
_QUALITIES: Final = (80, 60, 40, 20)
_FEW: Final = 64
GIVE_BACK: Final = (1 << 32) - 1
"""In place of the length of a piece."""
GIVEN_BACK: Final = (1 << 16) - 1
"""Bytes of a piece that is given back; the last one can be shorter."""


class Frame:
    """Kinds of frames. `STARTED`: once, what the system allowed, as JSON.

    Then for each file `PAGE` for each of its pages, and one of `DONE` and `REFUSED`, with a code of `Refusal`. `ORIGINAL`: a
    piece of the previous file. From the child that reads, a `PAGE` contains a width, a height and RGB pixels.
    """

    STARTED: Final = b"S"
    PAGE: Final = b"P"
    DONE: Final = b"D"
    REFUSED: Final = b"R"
    ORIGINAL: Final = b"O"


def main() -> None:
    """Convert until standard input ends."""
    confinement.yield_to_others()
    limits = FileLimits(**json.loads(sys.argv[1]))
    from PIL import Image, JpegImagePlugin  # noqa: F401 — encodes

    from app.documents import page_images  # noqa: F401 — everything that reading needs, while files can still be opened

    reached = {"limits": confinement.limit(limits, cpu_seconds=MOST_FILES_CPU_SECONDS)} | confinement.confine()
    _write(1, Frame.STARTED, json.dumps(reached).encode())
    content = b""
    while (received := _receive(limits.bytes, content)) is not None:
        content = received
        del received
        _convert(content, limits)


def _convert(content: bytes, limits: FileLimits) -> None:
    """Start the child that reads the file, encode the pixels that it sends, and say how it ended."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(readable)
        _read_in_child(content, limits, writable)
    os.close(writable)
    with os.fdopen(readable, "rb", buffering=0) as pipe:
        ended = _encode_pages(pipe, limits.pages)
    _pid, status = os.waitpid(child, 0)
    if ended is None:
        out_of_time = os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL)
        ended = Refusal.TOO_SLOW if out_of_time else Refusal.DAMAGED
    if isinstance(ended, Refusal):
        _write(1, Frame.REFUSED, ended.value.encode())
    else:
        _write(1, Frame.DONE, b"")


def _encode_pages(pipe: io.RawIOBase, most: int) -> Refusal | bool | None:
    """Encode pages until the child says how it ended: True (done) or a refusal. None: it ended without a word, or sent nonsense."""
    from PIL import Image

    pages = used = 0
    while len(header := _exactly(pipe, _HEADER.size)) == _HEADER.size:
        kind, length = _HEADER.unpack(header)
        if kind == Frame.PAGE and length == _SIZE.size and pages < most:
            width, height = _SIZE.unpack(_exactly(pipe, _SIZE.size))
            if not (0 < width <= LONGEST_SIDE and 0 < height <= LONGEST_SIDE):
                return None
            pixels = _exactly(pipe, width * height * 3)
            if len(pixels) != width * height * 3:
                return None
            image = Image.frombuffer("RGB", (width, height), pixels, "raw", "RGB", 0, 1)
            page = _encoded(image, most_page_bytes(used, pages, most))
            pages, used = pages + 1, used + len(page)
            _write(1, Frame.PAGE, page)
        elif kind == Frame.REFUSED and length < _FEW:
            code = _exactly(pipe, length).decode("ascii", "replace")
            return Refusal(code) if code in set(Refusal) else None
        elif kind == Frame.DONE and pages:
            return True
        else:
            return None
    return None


def _encoded(image: object, most: int) -> bytes:
    """The picture as JPEG, with a lower quality when it would be larger than `most` bytes."""
    encoded = b""
    for quality in _QUALITIES:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality, optimize=False)  # type: ignore[attr-defined]
        encoded = file.getvalue()
        if len(encoded) <= most:
            return encoded
    return _encoded(image.reduce(2), most)  # type: ignore[attr-defined]  # noise, which half as large can still be read or not


def _read_in_child(content: bytes, limits: FileLimits, out: int) -> None:
    """Give up the remaining rights, read the file, send the pixels of its pages, and end the process. Never returns."""
    from app.documents import page_images

    ended = 1
    try:
        os.close(0)
        os.close(1)
        confinement.limit(limits, cpu_seconds=limits.cpu_seconds)
        if not confinement.confine_further():
            confinement.forbid_processes()
        try:
            for page in page_images.pages_of(content, limits):
                width, height = page.size
                _write(out, Frame.PAGE, _SIZE.pack(width, height))
                _write_all(out, page.tobytes())
            _write(out, Frame.DONE, b"")
        except page_images.Refused as refused:
            _write(out, Frame.REFUSED, refused.refusal.value.encode())
        except MemoryError:
            _write(out, Frame.REFUSED, Refusal.TOO_BIG.value.encode())
        ended = 0
    finally:
        os._exit(ended)


def _receive(most: int, before: bytes) -> bytes | None:
    """The next file; None when there is no more. Ends the process when more bytes come than were agreed.

    Returns the previous file (`before`) if it is asked for, as long as no other one has begun.
    """
    received = bytearray()
    while True:
        header = _read(4)
        if len(header) < 4:
            return None
        length = int.from_bytes(header, "big")
        if length == 0:
            return bytes(received)
        if length == GIVE_BACK:
            for start in range(0, len(before), GIVEN_BACK):
                _write(1, Frame.ORIGINAL, before[start : start + GIVEN_BACK])
            _write(1, Frame.DONE, b"")
            continue
        before = b""
        if length > _MOST_PIECE or len(received) + length > most:
            os._exit(2)
        piece = _read(length)
        if len(piece) < length:
            return None
        received += piece


def _read(length: int) -> bytes:
    received = bytearray()
    while len(received) < length and (more := os.read(0, length - len(received))):
        received += more
    return bytes(received)


def _exactly(pipe: io.RawIOBase, length: int) -> bytes:
    """Up to `length` bytes; fewer when the other side has ended."""
    buffer = bytearray(length)
    view, have = memoryview(buffer), 0
    while have < length and (more := pipe.readinto(view[have:])):
        have += more
    return bytes(view[:have])


def _write(descriptor: int, kind: bytes, content: bytes) -> None:
    _write_all(descriptor, _HEADER.pack(kind, len(content)) + content)


def _write_all(descriptor: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


if __name__ == "__main__":
    main()
