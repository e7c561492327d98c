"""Write what is generated from the events: JSON Schemas, the AsyncAPI document and docs/events.md.

`python -m schemas.generate` writes them; with `--check` it writes nothing, and exits 1 when they are stale.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from schemas.asyncapi import document
from schemas.catalogue import EVENTS
from schemas.handbook import handbook
from schemas.jsonschema import schema_of

ROOT: Final = Path(__file__).parent.parent
JSON: Final = "schemas/json"
HANDS: Final = ("channels", "draad", "engine", "services")  # Where events are written and read.


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m schemas.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when something is stale")
    check = parser.parse_args(arguments).check
    late = stale(ROOT)
    for path in late:
        sys.stdout.write(f"{path} {'is stale: make schemas' if check else 'written'}\n")
    if not check:
        mend(ROOT, late)
    return 1 if check and late else 0


def stale(root: Path) -> list[str]:
    """What should be written anew, or should no longer be there."""
    wanted = generated(root)
    there = {f"{JSON}/{path.name}" for path in (root / JSON).glob("*")}
    return sorted(path for path in {*wanted, *there} if stored(root / path) != wanted.get(path))


def stored(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def mend(root: Path, late: Sequence[str]) -> None:
    wanted = generated(root)
    for path in late:
        if path in wanted:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(wanted[path], encoding="utf-8", newline="\n")
        else:
            (root / path).unlink()


def generated(root: Path) -> dict[str, str]:
    """Every file as it should be. The same events give the same bytes."""
    files = {f"{JSON}/{event.type}.json": lines(schema_of(event)) for event in EVENTS}
    return files | {f"{JSON}/asyncapi.json": lines(document()), "docs/events.md": handbook(sources(root))}


def lines(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def sources(root: Path) -> dict[str, str]:
    found = sorted(path for name in HANDS for path in (root / name).rglob("*.py"))
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in found}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
