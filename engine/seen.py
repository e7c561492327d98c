"""Knowing a repeat cheaply, however long the log grows.

A unique index on random ids touches a random page per fact, and slows as it grows. So ids are filed by chunk of the
log, where new ones lie together, and a Bloom filter says "surely new" for nearly all of them; only for the rest is
the file asked. Filters are made again from the file when it is opened: about two bytes of memory per id kept.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from struct import Struct
from typing import Final

CHUNK_BITS: Final = 14  # Positions per chunk: 16,384.
BLOCK_IDS_MAX: Final = 500_000  # Ids per filter.
FILTER_BYTES: Final = 1 << 20  # 16 bits per id and four probes: one new id in 400 is looked up in vain.
BIT_MASK: Final = FILTER_BYTES * 8 - 1

four = Struct("<4I").unpack


def chunk_of(position: int) -> int:
    return position >> CHUNK_BITS


class Block:
    """The filter of a run of chunks."""

    __slots__ = ("bits", "first", "ids", "last")

    def __init__(self, chunk: int) -> None:
        self.first = self.last = chunk
        self.ids = 0
        self.bits = bytearray(FILTER_BYTES)

    def add(self, chunk: int, name: bytes) -> None:
        self.first = min(self.first, chunk)  # A transaction that is rolled back takes the log a chunk back.
        self.last = max(self.last, chunk)
        self.ids += 1
        bits = self.bits
        for probe in four(name):
            bit = probe & BIT_MASK
            bits[bit >> 3] |= 1 << (bit & 7)

    def may_hold(self, name: bytes) -> bool:
        bits = self.bits
        for probe in four(name):
            bit = probe & BIT_MASK
            if not bits[bit >> 3] & (1 << (bit & 7)):
                return False
        return True


def filed(db: sqlite3.Connection) -> Iterator[tuple[int, bytes]]:
    """Every id that is filed, and its chunk. Raises `sqlite3.DatabaseError` where the file is damaged."""
    for chunk, name in db.execute("SELECT chunk, id FROM seen ORDER BY chunk"):
        if not (isinstance(chunk, int) and isinstance(name, bytes)):
            raise sqlite3.DatabaseError("what is filed is no id")
        yield chunk, name


class Filter:
    """Where an id may be filed already."""

    def __init__(self, kept: Iterable[tuple[int, bytes]] = ()) -> None:
        self._blocks: list[Block] = []
        for chunk, name in kept:
            self.add(chunk, name)

    def add(self, chunk: int, name: bytes) -> None:
        """Note an id. Chunks come in ascending order, but for what is rolled back."""
        blocks = self._blocks
        if not blocks or (blocks[-1].ids >= BLOCK_IDS_MAX and chunk != blocks[-1].last):
            blocks.append(Block(chunk))
        blocks[-1].add(chunk, name)

    def chunks(self, name: bytes) -> list[range]:
        """The chunks in which this id may stand; mostly none, which is sure."""
        return [range(block.first, block.last + 1) for block in self._blocks if block.may_hold(name)]

    def forget(self, before: int) -> None:
        """Drop the filters of chunks that are kept no longer."""
        self._blocks = [block for block in self._blocks if block.last >= before]
