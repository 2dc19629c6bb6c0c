"""Starting the converting process, handing files to it as they arrive, and taking pictures of their pages out of it.

The bytes of a file go straight from the network into the process's pipe: this process never holds a whole file, and writes none to
disk. A file is only read when `Converters` has a turn for it, so that files of many people at once do not slow down the pages.
"""

import json
import os
import signal
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from typing import Final

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream, Process

from app.core.errors import Unavailable
from app.documents.converter import GIVE_BACK, GIVEN_BACK, Frame
from app.documents.limits import MOST_FILE_BYTES, MOST_PAGE_BYTES, FileLimits, Refusal, format_of

PIECE_BYTES: Final = 1 << 16
_HEADER: Final = struct.Struct(">cI")
_MOST_FRAME: Final = MOST_PAGE_BYTES + 4096
_START_SECONDS: Final = 30.0
_BEGINS_WITHIN: Final = 1024
"""A PDF says within so many bytes that it is one."""
_SIGNED: Final = b"/ByteRange"
"""The key of a signature's dictionary that says which bytes it covers. A signed PDF cannot compress it."""


class ConverterFailed(Unavailable):
    """The converting process ended or answered nonsense. Nothing was stored; trying again can help."""


class Conversion:
    """One converting process, for the files of one request, one after the other."""

    def __init__(self, process: Process, limits: FileLimits, turn: anyio.Semaphore, seconds: float) -> None:
        self._process = process
        self._limits = limits
        self._turn = turn
        self._seconds = seconds
        self._buffer = bytearray()
        self._sent = 0
        self._size = 0
        self._begins, self._tail, self._is_signed = b"", b"", False
        self.confinement: Mapping[str, bool] = {}

    async def start(self) -> None:
        """Wait until the process has confined itself. Raises ConverterFailed."""
        with anyio.move_on_after(_START_SECONDS) as wait:
            kind, content = await self._frame()
        if wait.cancelled_caught or kind != Frame.STARTED:
            raise ConverterFailed
        self.confinement = {str(name): reached is True for name, reached in json.loads(content).items()}

    async def feed(self, piece: bytes) -> bool:
        """Pass on some bytes of the file. False: it is larger than allowed, and the process takes no more of it."""
        if not self._sent:
            self._begins, self._tail, self._is_signed = b"", b"", False
        self._begins = (self._begins + piece[:_BEGINS_WITHIN])[:_BEGINS_WITHIN]
        self._is_signed = self._is_signed or _SIGNED in self._tail + piece
        self._tail = (self._tail + piece)[-len(_SIGNED) :]
        self._sent += len(piece)
        if self._sent > self._limits.bytes:
            return False
        for start in range(0, len(piece), PIECE_BYTES):
            part = piece[start : start + PIECE_BYTES]
            await self._send(len(part).to_bytes(4, "big") + part)
        return True

    async def pages(self) -> list[bytes] | Refusal:
        """End the file, wait for a turn, and return its pages as JPEG, or why it is refused. Raises ConverterFailed.

        After a file that took too long or was larger than allowed, the process has ended.
        """
        if self._sent > self._limits.bytes:
            await self.kill()
            return Refusal.TOO_BIG
        self._size, self._sent = self._sent, 0
        pages: list[bytes] = []
        left = MOST_FILE_BYTES
        async with self._turn:
            with anyio.move_on_after(self._seconds) as wait:
                await self._send(bytes(4))
                while True:
                    kind, content = await self._frame()
                    left -= len(content) if kind == Frame.PAGE else 0
                    is_page = kind == Frame.PAGE and content.startswith(b"\xff\xd8\xff") and left >= 0
                    if is_page and len(pages) < self._limits.pages:
                        pages.append(content)
                    elif kind == Frame.DONE and pages:
                        return pages
                    elif kind == Frame.REFUSED and content.decode("ascii", "replace") in set(Refusal):
                        return Refusal(content.decode("ascii"))
                    else:
                        break
            await self.kill()  # what it says later would be taken for the next file's
            if not wait.cancelled_caught:
                raise ConverterFailed
        return Refusal.TOO_SLOW

    @property
    def original_pieces(self) -> int:
        """The number of pieces that `original` returns."""
        return -(-self._size // GIVEN_BACK)

    @property
    def format_name(self) -> str:
        """What the last file is, by its first bytes; see `limits.format_of`."""
        return format_of(self._begins)

    @property
    def is_signed_pdf(self) -> bool:
        """Whether the last file is a PDF, by its first bytes, that says it is signed: what a signature covers stands there in plain
        text. Whether the signature is good is not looked at."""
        return format_of(self._begins) == "PDF" and self._is_signed

    async def original(self) -> AsyncIterator[bytes]:
        """The last file, untouched, in pieces of `converter.GIVEN_BACK` bytes. To be read to its end. Raises ConverterFailed.

        The converting process has the only copy.
        """
        given = 0
        await self._send(GIVE_BACK.to_bytes(4, "big"))
        while given < self._size:
            with anyio.move_on_after(self._seconds) as wait:
                kind, content = await self._frame()
            if wait.cancelled_caught or kind != Frame.ORIGINAL or len(content) != min(GIVEN_BACK, self._size - given):
                await self.kill()
                raise ConverterFailed
            given += len(content)
            yield content
        if (await self._frame())[0] != Frame.DONE:
            await self.kill()
            raise ConverterFailed

    @property
    def is_running(self) -> bool:
        return self._process.returncode is None

    async def kill(self) -> None:
        """End the process and the child that it may have, and wait for it."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with anyio.CancelScope(shield=True):
            await self._process.aclose()

    async def _send(self, content: bytes) -> None:
        stdin: ByteSendStream | None = self._process.stdin
        try:
            assert stdin is not None
            await stdin.send(content)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
            raise ConverterFailed from None

    async def _frame(self) -> tuple[bytes, bytes]:
        kind, length = _HEADER.unpack(await self._exactly(_HEADER.size))
        if length > _MOST_FRAME:
            await self.kill()
            raise ConverterFailed
        return kind, await self._exactly(length)

    async def _exactly(self, length: int) -> bytes:
        stdout: ByteReceiveStream | None = self._process.stdout
        assert stdout is not None
        while len(self._buffer) < length:
            try:
                self._buffer += await stdout.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
                raise ConverterFailed from None
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken


class Converters:
    """The converting processes of one app: how many may be alive, and how many may work at the same time.

    `seconds`: how long one file may take, from its turn on, whatever the machine is busy with. A process that only receives a file
    costs memory but no time. Bound to the event loop on which it first runs.
    """

    def __init__(
        self,
        limits: FileLimits,
        *,
        seconds: float = 90.0,
        at_once: int = 1,
        alive: int = 10,
        command: Callable[[FileLimits], list[str]] | None = None,
    ) -> None:
        self.limits = limits
        self._seconds = seconds
        self._command = command or converter_command
        self._turn = anyio.Semaphore(at_once)
        self._alive = anyio.Semaphore(alive)
        self._whose: set[bytes] = set()
        self._confinement: Mapping[str, bool] | None = None

    @asynccontextmanager
    async def open(self, limits: FileLimits | None = None, whose: bytes = b"") -> AsyncIterator[Conversion]:
        """A process that has confined itself. Killed at the end of the block. `whose`: a hash of the visit it works for; nobody has
        two at a time. Raises Unavailable when too many are alive.
        """
        try:
            if whose in self._whose:
                raise anyio.WouldBlock
            self._alive.acquire_nowait()
        except anyio.WouldBlock:
            raise Unavailable(
                "Many files are being received at the moment. Nothing was stored; try again in a minute."
            ) from None
        self._whose |= {whose} - {b""}
        try:
            limits = limits or self.limits
            process = await anyio.open_process(
                self._command(limits),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={},
                start_new_session=True,
            )
            conversion = Conversion(process, limits, self._turn, self._seconds)
            try:
                await conversion.start()
                self._confinement = conversion.confinement
                yield conversion
            finally:
                await conversion.kill()
        finally:
            self._alive.release()
            self._whose -= {whose}

    def works_for(self, whose: bytes) -> bool:
        """Whether a process is alive for this visit."""
        return whose in self._whose

    async def confinement(self) -> Mapping[str, bool]:
        """The rights that the process could give up, by the codes of `confinement.MEASURES`; {} if it does not start.

        Tried once, in a process that gets no file.
        """
        if self._confinement is None:
            try:
                async with self.open():
                    pass
            except Unavailable:
                return {}
        return self._confinement or {}


def converter_command(limits: FileLimits) -> list[str]:
    """The command that starts the process: isolated from the environment and the current folder, writing no byte code."""
    return [sys.executable, "-I", "-B", "-m", "app.documents.converter", json.dumps(asdict(limits))]
