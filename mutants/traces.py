"""Reads what `mutants.tracing` wrote: the tests that go through a line, or through a function whose module has changed since."""

import base64
import json
import zlib
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mutants.blocks import Block, digest

IMPORT: Final = "(import)"  # stands for importing and collecting


def packed(numbers: list[int]) -> str:
    """A sorted list of numbers as text."""
    bits = bytearray((numbers[-1] >> 3) + 1 if numbers else 0)
    for number in numbers:
        bits[number >> 3] |= 1 << (number & 7)
    return base64.b85encode(zlib.compress(bytes(bits), 1)).decode()


def unpacked(text: str) -> list[int]:
    bits = zlib.decompress(base64.b85decode(text))
    return [(at << 3) + bit for at, byte in enumerate(bits) if byte for bit in range(8) if byte >> bit & 1]


@dataclass(slots=True)
class Traces:
    """Per path and block the tests that went through it, and how many seconds of processor time each test took."""

    seconds: dict[str, float] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    by_block: dict[str, dict[Block, set[str]]] = field(default_factory=dict)

    def through(self, path: str, line: int, function: str, source: str) -> set[str]:
        """The tests that go through this line of this function."""
        blocks = self.by_block.get(path, {})
        if self.digests.get(path) == digest(source):
            exact = [tests for block, tests in blocks.items() if block.first <= line <= block.last]
            if exact:
                return set().union(*exact)
        named = [tests for block, tests in blocks.items() if block.function == function]
        return set().union(*named)

    def module(self, path: str) -> set[str]:
        """The tests that go through any function of this module."""
        return set().union(*self.by_block.get(path, {}).values())


def read(folder: Path) -> Traces:
    """All files of the folder. A test that several processes ran counts once."""
    traces = Traces()
    for file in sorted(folder.glob("*.jsonl")):
        _add(traces, file)
    return traces


def _add(traces: Traces, file: Path) -> None:
    places: dict[int, tuple[str, Block]] = {}
    for text in file.read_text().splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue  # the process was ended while it wrote
        if "path" in line:
            traces.digests[line["path"]] = line["digest"]
            known = traces.by_block.setdefault(line["path"], defaultdict(set))
            for at, (first, last, function) in enumerate(line["blocks"]):
                block = Block(first, last, function)
                known[block]  # so that a block without tests is known too
                places[line["first"] + at] = (line["path"], block)
        else:
            test = line["test"] or IMPORT
            traces.seconds[test] = line["seconds"]
            for number in unpacked(line["hits"]):
                path, block = places[number]
                traces.by_block[path][block].add(test)
