"""The file format of a backup: compressed, encrypted in chunks, with a key sealed to a public key.

The private half of that key is kept elsewhere.

A line of text, a JSON header, then chunks: four bytes of length and AES-256-GCM-SIV. The random key is HPKE-sealed in the header.
Each chunk is bound to its number and to whether it is the last one, so that a truncated or recombined file does not open.
"""

import base64
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

from app.core import sealing
from app.core.sealing import CannotOpen, KeyPair

MAGIC: Final = b"PRISTAN-BACKUP-1\n"
_CHUNK: Final = 1 << 20
_MAX_CHUNK: Final = _CHUNK + 64
_INFO: Final = sealing.context("pristan/backup", "1")


class DamagedFile(CannotOpen):
    """The file is no backup, or is changed or cut off, whatever the key."""


def write(sink: BinaryIO, public_key: bytes, lines: Iterable[bytes]) -> None:
    """Seal lines into a file. Raises ValueError when the key is not a public key that can be sealed to."""
    key = os.urandom(32)
    header = {
        "alg": "HPKE-X-Wing+AES-256-GCM-SIV",
        "key": base64.b64encode(sealing.seal_to(public_key, key, _INFO)).decode(),
    }
    sink.write(MAGIC + json.dumps(header).encode() + b"\n")
    number, waiting = 0, b""
    for piece in _compressed(lines):
        waiting += piece
        while len(waiting) > _CHUNK:
            _put(sink, key, number, waiting[:_CHUNK], last=False)
            number, waiting = number + 1, waiting[_CHUNK:]
    _put(sink, key, number, waiting, last=True)


def is_one(source: BinaryIO) -> bool:
    """Whether this begins as a sealed file does. Reads the first line."""
    return source.readline(len(MAGIC) + 1) == MAGIC


def read(source: BinaryIO, pair: KeyPair) -> Iterator[bytes]:
    """The lines of a sealed file. Raises CannotOpen for another key, DamagedFile for changed bytes or a truncated file.

    Lines yielded before the error are authentic.
    """
    if not is_one(source):
        raise DamagedFile
    try:
        sealed_key = base64.b64decode(json.loads(source.readline(1 << 16))["key"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DamagedFile from error
    try:
        key = pair.open(sealed_key, _INFO)
    except ValueError as error:
        raise CannotOpen from error
    unpack, rest = zlib.decompressobj(), b""
    for plain in _chunks(source, key):
        rest += unpack.decompress(plain)
        *lines, rest = rest.split(b"\n")
        yield from lines
    if rest or not unpack.eof:
        raise DamagedFile


def _compressed(lines: Iterable[bytes]) -> Iterator[bytes]:
    pack = zlib.compressobj(6)
    for line in lines:
        yield pack.compress(line + b"\n")
    yield pack.flush()


def _aad(number: int, *, last: bool) -> bytes:
    return sealing.context("pristan/backup-chunk", str(number), "last" if last else "more")


def _put(sink: BinaryIO, key: bytes, number: int, plain: bytes, *, last: bool) -> None:
    sealed = sealing.encrypt(key, plain, _aad(number, last=last))
    sink.write(len(sealed).to_bytes(4, "big") + sealed)


def _chunks(source: BinaryIO, key: bytes) -> Iterator[bytes]:
    number = 0
    length = source.read(4)
    while length:
        size = int.from_bytes(length, "big")
        sealed = source.read(size) if size <= _MAX_CHUNK else b""
        length = source.read(4)
        if len(sealed) != size:
            raise DamagedFile
        try:
            plain = sealing.decrypt(key, sealed, _aad(number, last=not length))
        except CannotOpen as error:
            raise DamagedFile from error
        yield plain
        number += 1
    if number == 0:
        raise DamagedFile
