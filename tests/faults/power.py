"""A disk that loses its power: what was synced is there, and of the rest anything may be, whole, torn or not at all.

strace writes down every call that changes a file, with its bytes. From that the files are made again as they may
stand after a power cut at any moment. Names are taken to change in order, as journalling file systems do it. A sync
that failed leaves its pages clean but not written, as Linux does it: no later sync brings them to the disk.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

from tests.faults.diary import Diary

SECTOR: Final = 512
SUFFIXES: Final = ("", "-wal", "-journal", ".new", ".new-journal")
CALL: Final = re.compile(r"(?P<verb>\w+)\((?P<args>.*)\) += (?P<result>-?\d+)")
TEXT: Final = r'"((?:\\x[0-9a-f]{2})*)"'
ON_FILE: Final = r"\d+<([^>]*)>"
WRITE: Final = re.compile(rf"{ON_FILE}, {TEXT}, \d+(?:, (\d+))?")


class Call(NamedTuple):
    """A change, or a sync, that the kernel was asked for, in the order in which it answered."""

    verb: str
    path: str
    data: bytes = b""
    number: int = 0  # Where it was written, how long the file is from now on, or whether the sync failed.
    target: str = ""


@dataclass
class Piece:
    data: bytes
    offset: int
    synced: bool = False
    lost: bool = False  # A sync that failed has given it up.


@dataclass
class File:
    """What was written to one file, in order."""

    pieces: list[Piece | int] = field(default_factory=list)  # A number: cut to this size.

    def sync(self, *, failed: bool) -> None:
        for piece in self.pieces:
            if isinstance(piece, Piece) and not piece.synced and not piece.lost:
                piece.synced, piece.lost = not failed, failed

    def after_a_power_cut(self, dice: Random) -> bytes:
        found = bytearray()
        for piece in self.pieces:
            if isinstance(piece, int):
                del found[piece:]
                continue
            size = len(piece.data)
            if not piece.synced:
                size = dice.choice((0, 0, size, dice.randrange(0, size + 1, SECTOR)))
            end = piece.offset + size
            if size and len(found) < end:
                found.extend(bytes(end - len(found)))
            found[piece.offset : end] = piece.data[:size]
        return bytes(found)


def text(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", ""))


def lines(trace: Path, diary: str) -> Iterator[str]:
    """Every call in one piece. What is said to the world counts from its beginning, all else from its end."""
    waiting: dict[str, str] = {}
    for line in trace.read_text().splitlines():
        thread, _, said = line.partition(" ")
        said = said.strip()
        if said.endswith("<unfinished ...>"):
            start = said.removesuffix("<unfinished ...>").rstrip()
            if diary in start:
                yield f"{start}) = 0"
                waiting[thread] = ""
            else:
                waiting[thread] = start
        elif said.startswith("<..."):
            start = waiting.pop(thread)
            if start:
                yield start + said.partition("resumed>")[2]
        else:
            yield said


def recorded(trace: Path, diary: Path) -> list[Call]:
    """What strace saw."""
    hexadecimal = "".join(f"\\x{byte:02x}" for byte in str(diary).encode())
    return [call for line in lines(trace, hexadecimal) if (call := parsed(line))]


def parsed(line: str) -> Call | None:
    found = CALL.match(line)
    if not found:
        return None  # A thread ended, or a signal came.
    verb, args, failed = found["verb"], found["args"], int(found["result"]) < 0
    if verb in {"fdatasync", "fsync"}:
        return Call("sync", name_of(args), number=int(failed))
    return None if failed else changed(verb, args)


def changed(verb: str, args: str) -> Call | None:
    match verb:
        case "write" | "pwrite64":
            wrote = WRITE.match(args)
            assert wrote, "strace writes in another way"
            return Call("write", name_of(args), text(wrote[2]), int(wrote[3] or 0))
        case "ftruncate":
            return Call("truncate", name_of(args), number=int(args.rpartition(", ")[2]))
        case "unlink" | "rename":
            names = [text(name).decode() for name in re.findall(TEXT, args)]
            return Call(verb, names[0], target=names[-1])
    assert verb == "openat", "a call that is not asked for"
    created = re.search(TEXT, args) if "O_CREAT" in args else None
    return Call("create", text(created[1]).decode()) if created else None


def name_of(args: str) -> str:
    """The file that a descriptor stands for."""
    found = re.match(ON_FILE, args)
    assert found, "strace names no file"
    return text(found[1]).decode()


def cut(calls: Sequence[Call], diary: Path, folder: Path, dice: Random) -> Diary:
    """Make the files as they may stand when the power fails after these calls; and what the world had heard."""
    files: dict[str, File] = {}
    heard = Diary()
    for call in calls:
        if call.path != str(diary):
            happen(files, call)
        elif call.verb == "write":
            heard.take(call.data.decode())
    for path, found in files.items():
        (folder / Path(path).name).write_bytes(found.after_a_power_cut(dice))
    return heard


def happen(files: dict[str, File], call: Call) -> None:
    match call.verb:
        case "write":
            files[call.path].pieces.append(Piece(call.data, call.number))
        case "truncate":
            files[call.path].pieces.append(call.number)
        case "sync":
            files[call.path].sync(failed=bool(call.number))
        case "create":
            files.setdefault(call.path, File())
        case "rename":
            files[call.target] = files.pop(call.path)
        case "unlink":
            files.pop(call.path)
