"""How far an import is, and what both registers said of each card when they last said the same: kept in a file."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from schemas.errors import Refused

Digests = dict[str, bytes]

TABLES: Final = {
    "walk": "name TEXT PRIMARY KEY, seen INTEGER NOT NULL",
    "agreed": "kind TEXT, uuid TEXT, digest BLOB NOT NULL, PRIMARY KEY (kind, uuid)",
}


class Agreed:
    """A walk has seen so many cards, from the oldest on: what comes in meanwhile changes nothing of that."""

    def __init__(self, path: Path | None) -> None:
        """Raises `Refused` for a file that is none of ours."""
        try:
            self._db = sqlite3.connect(path or ":memory:")
            there = {str(name) for (name,) in self._db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
            if not there:
                tables = "".join(f"CREATE TABLE {name} ({said});" for name, said in TABLES.items())
                self._db.executescript(f"BEGIN;{tables}COMMIT;")
        except sqlite3.Error:
            there = {""}
        if there and there != TABLES.keys():
            raise Refused("the file of --progress is not one that an import wrote: name another")

    def close(self) -> None:
        self._db.close()

    def seen(self, name: str) -> int:
        found = self._db.execute("SELECT seen FROM walk WHERE name = ?", (name,)).fetchone()
        return int(found[0]) if found else 0

    def reached(self, name: str, seen: int) -> None:
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO walk VALUES (?, ?)", (name, seen))

    def said(self, kind: str) -> Digests:
        return dict(self._db.execute("SELECT uuid, digest FROM agreed WHERE kind = ?", (kind,)))

    def of(self, kind: str, uuid: str) -> bytes | None:
        found = self._db.execute("SELECT digest FROM agreed WHERE kind = ? AND uuid = ?", (kind, uuid)).fetchone()
        return bytes(found[0]) if found else None

    def taken(self, kind: str, said: Mapping[str, bytes]) -> None:
        """These were taken as they are there. What was agreed on before stays: who differs may have changed here."""
        self._write("IGNORE", kind, said)

    def same(self, kind: str, said: Mapping[str, bytes]) -> None:
        """Both say this of these."""
        self._write("REPLACE", kind, said)

    def _write(self, otherwise: str, kind: str, said: Mapping[str, bytes]) -> None:
        rows = ((kind, name, digest) for name, digest in said.items())
        with self._db:
            self._db.executemany(f"INSERT OR {otherwise} INTO agreed VALUES (?, ?, ?)", rows)  # noqa: S608  # A word of ours.
