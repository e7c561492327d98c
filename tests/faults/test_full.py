"""The disk is full: writes stop with a clear sentence, reads go on, and with space everything goes on by itself."""

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from engine.file import FREE_BYTES_MIN
from engine.seen import Filter
from engine.writer import FULL
from tests.faults.conftest import Tell
from tests.faults.full import Found, Mode
from tests.faults.process import ROOT

SIZE: Final = FREE_BYTES_MIN + 8 * 2**20
RUN_S_MAX: Final = 60
# Mount a small memory disk that nobody else sees and that ends with us, and run one program after the other on it.
SCRIPT: Final = """
mkdir -p "$1" && mount -t tmpfs -o size={size} draad "$1" || exit 91
shift
for orders in "$@"; do {python} -m tests.faults.full "$orders" || echo "{{\\"died\\": $?}}"; done
"""
WAYS: Final = (("unshare", "--mount"), ("unshare", "--user", "--map-root-user", "--mount"))


async def on_a_small_disk(folder: Path, *modes: Mode) -> list[Mapping[str, Any]]:
    """Run the program in each mode, in turn, on a disk of `SIZE`; what each of them found."""
    script = SCRIPT.format(size=SIZE, python=sys.executable)
    orders = [json.dumps({"folder": str(folder), "mode": mode}) for mode in modes]
    refusals = []
    for way in WAYS:
        code, said, wrong = await ran([*way, "sh", "-c", script, "sh", str(folder), *orders])
        if code == 0:
            return [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        refusals.append(f"{' '.join(way)}: {wrong.strip()}")
    raise AssertionError(f"no small disk can be mounted here, as root or otherwise: {refusals}")


async def ran(command: Sequence[str]) -> tuple[int, str, str]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=pipe, stderr=pipe)
    try:
        async with asyncio.timeout(RUN_S_MAX):
            said, wrong = await process.communicate()
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode is not None
    return process.returncode, said.decode(), wrong.decode()


def found(line: Mapping[str, Any]) -> Found:
    return Found(**line)


async def test_a_full_disk_stops_writes_and_space_starts_them_again(tmp_path: Path, tell: Tell) -> None:
    [line] = await on_a_small_disk(tmp_path / "disk", "fill")
    run = found(line)
    assert run.full == [FULL]
    assert run.kept_when_full > 0
    assert run.read_when_full >= run.kept_when_full, "reads go on, and all that was acknowledged is there"
    assert run.state_when_full
    assert run.full_again == [], "with space, writes go on by themselves"
    assert run.missing == 0
    assert run.unprocessed == 0
    tell(f"full disk: {run.kept_when_full} acknowledged before, {run.kept} after, none missing")


async def test_killed_on_a_full_disk_it_has_all_that_it_acknowledged(tmp_path: Path, tell: Tell) -> None:
    died, line = await on_a_small_disk(tmp_path / "disk", "fill and die", "recover")
    assert died == {"died": 137}
    run = found(line)
    assert run.kept > 0
    assert run.missing == 0
    assert run.unprocessed == 0
    tell(f"killed on a full disk: {run.kept} acknowledged, none missing")


async def test_a_disk_that_is_full_at_the_start_is_told_in_one_sentence(tmp_path: Path, tell: Tell) -> None:
    first, second = await on_a_small_disk(tmp_path / "disk", "start full", "start nearly full")
    assert found(first).refused.startswith("only 0 MB free for ")
    assert found(second).refused.startswith("only 63 MB free for ")
    for run in (first, second):
        assert found(run).refused.endswith("log.db: make room for at least 64")
    tell(f"full at the start: {found(first).refused.partition(' for /')[0]}")


def test_an_id_is_known_also_when_a_full_disk_took_the_log_back_a_chunk() -> None:
    ids = [bytes([n]) * 16 for n in range(3)]
    known = Filter([(7, ids[0])])
    known.add(6, ids[1])  # What was noted in chunk 7 was rolled back: the next one is in chunk 6 again.
    known.add(7, ids[2])
    for chunk, name in ((6, ids[1]), (7, ids[2])):
        assert any(chunk in chunks for chunks in known.chunks(name))
