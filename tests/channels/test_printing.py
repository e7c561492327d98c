"""A letter is printed as it was written, lies in the folder once, and is finished after a death at any step."""

import json
import os
import re
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import ValidationError

from channels.channel import Message, Secrets, Undeliverable
from channels.letter import Inbox, Letters
from channels.printing import LIST, printed
from schemas.errors import DraadError, Unavailable
from services.intake.courier import hand_over, look_for

NOW: Final = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
SENDER: Final = "Gemeente Voorbeeld, Postbus 1, 1000 AA Voorbeeld"
LETTER: Final = Message(
    message_id="5d2c6f4e-8a5b-5c1d-9e0f-1a2b3c4d5e6f",
    address_id="a1",
    address="Zoë Łukasz-Çelik, Dorpsstraat 1, 1234 AB Voorbeeld",
    inbox="main",
    text="Beste inwoner,\n\nUw afspraak staat vast. Het kost € 12.\n\nMet vriendelijke groet,\nGemeente Voorbeeld",
    title="Uw afspraak",
    at=NOW,
    automatic=True,
    language="nl",
)
FILE: Final = f"{LETTER.message_id}.pdf"


class Killed(BaseException):
    """As by kill -9: nothing of ours runs after it."""


def room(folder: Path) -> Letters:
    return Letters({"main": Inbox(print_folder=folder, sender=SENDER)}, Secrets(b"p", b"t"))


def listed(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / LIST).read_text().splitlines()]


def test_it_is_a_page_for_the_archive_and_the_same_to_the_byte_each_time() -> None:
    page = printed(LETTER, SENDER)
    assert page == printed(LETTER, SENDER)
    assert page.startswith(b"%PDF-1.7")
    assert b"pdfaid:part>3<" in page
    assert page.count(b'Date="2026-11-02T09:00:00+00:00"') == 3, "nothing in it hangs on when it is printed"
    assert b"/Lang (nl)" in page
    assert page.count(b"/Type /Page\n") == 1
    assert len(page) < 40_000


def test_a_long_one_goes_on_on_the_next_page() -> None:
    assert printed(LETTER._replace(text="Dit is een regel.\n" * 100), SENDER).count(b"/Type /Page\n") == 3


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"address": "Dorpsstraat 1"}, "no-such-address"),
        ({"address": ""}, "no-such-address"),
        ({"address": "a, b, c, d, e, f, g"}, "no-such-address"),
        ({"address": f"J. Bakker, {'x' * 61}, 1234 AB Voorbeeld"}, "no-such-address"),
        ({"text": "Beste 👋"}, "text-does-not-fit"),
        ({"inbox": "other"}, "no-road"),
    ],
)
async def test_what_cannot_be_printed_is_told_for_what_it_is(more: dict[str, str], word: str, tmp_path: Path) -> None:
    with pytest.raises(Undeliverable) as refused:
        await room(tmp_path).send(LETTER._replace(**more))  # type: ignore[arg-type]
    assert refused.value.word == word
    assert "Bakker" not in str(refused.value)


async def test_it_lies_there_whole_listed_with_its_hash_and_once(tmp_path: Path) -> None:
    folder = tmp_path / "post"
    references = {await room(folder).send(LETTER) for _ in range(3)}
    other = await room(folder).send(LETTER._replace(message_id="m2"))
    assert names(folder) == {FILE, "m2.pdf", LIST}
    digest = sha256((folder / FILE).read_bytes()).hexdigest()
    assert references == {digest}
    entry = {"file": FILE, "sha256": digest, "written": NOW.isoformat()}
    assert listed(folder) == [entry, entry | {"file": "m2.pdf", "sha256": other}]
    (folder / FILE).unlink()  # The post room took it.
    assert await room(folder).send(LETTER) == digest
    assert not (folder / FILE).exists()
    assert not re.search("Zo|Bakker|Dorps", (folder / LIST).read_text())


def dies_at(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before, in or after one of the steps by which a letter comes to lie there."""
    move, write = Path.replace, os.write
    cut = {"half listed": 40, "listed but for its end": -1}.get(step)

    def dying_move(self: Path, target: Path) -> Path:
        if step == "placed":
            move(self, target)
        raise Killed

    def dying_write(descriptor: int, data: bytes) -> int:
        write(descriptor, data[:cut])
        raise Killed

    if step in {"draft", "placed"}:
        monkeypatch.setattr(Path, "replace", dying_move)
    else:
        monkeypatch.setattr("channels.printing.os.write", dying_write)


STEPS: Final = ("draft", "placed", "half listed", "listed but for its end", "listed")


@pytest.mark.parametrize("step", STEPS)
async def test_after_a_death_at_any_step_it_is_known_again_and_lies_there_once(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await room(tmp_path).send(LETTER._replace(message_id="before"))
    with monkeypatch.context() as patched:
        dies_at(step, patched)
        with pytest.raises(Killed):
            await room(tmp_path).send(LETTER)
    reference = await look_for(room(tmp_path), LETTER)
    assert sha256((tmp_path / FILE).read_bytes()).hexdigest() == reference
    assert [one["file"] for one in listed(tmp_path)] == ["before.pdf", FILE]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def test_a_full_disk_is_for_later_and_where_nobody_knows_it_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", full)
        with pytest.raises(Unavailable):
            await hand_over(room(tmp_path), LETTER)
    assert names(tmp_path) == {LIST}
    with monkeypatch.context() as patched:
        patched.setattr("channels.printing.os.write", full)
        with pytest.raises(DraadError):
            await hand_over(room(tmp_path), LETTER)
    await hand_over(room(tmp_path), LETTER)
    assert len(listed(tmp_path)) == 1


@pytest.mark.parametrize("said", [{}, {"print_folder": "post"}])
def test_a_post_room_scans_or_prints_in_a_folder_that_is_named_in_full(said: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Inbox.model_validate(said)
