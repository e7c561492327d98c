"""The sixth promise: a poison event parks its subject, with a reason that quotes nothing, and the rest goes on."""

from collections.abc import Sequence
from typing import Any, ClassVar

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table

from engine.engine import Engine
from engine.memory import Disk, MemoryStore
from engine.processor import DEPTH_MAX, OUTCOMES_MAX, STATE_CHARS_MAX, Part, Put, State, processor, projection
from engine.store import Aside
from schemas.event import Envelope, Event, fact
from schemas.timer import TimerSet
from tests.contract.looks import everything, of, outcome, shown
from tests.contract.parts import (
    PARTS,
    About,
    Added,
    Counted,
    Jar,
    Plain,
    added,
    book,
    count,
    ledger,
    shy,
    shy_parts,
    tally,
)
from tests.contract.places import MONDAY, Place

SECRET = "Vledderveen"


def poisoned(about: str, key: str) -> Envelope:
    return added(MONDAY, about, 13, key, note=SECRET)


class Known(State, frozen=True):
    words: str = ""


class Said(About):
    type: ClassVar[str] = "room.said"

    words: Plain


def said(about: str, key: str, words: str = SECRET) -> Envelope:
    return fact(Said(at=MONDAY, about=about, words=words), key=key)


def babble(known: Known, event: Said) -> tuple[Known, list[Event]]:
    """Say what was said, as often as its first word says."""
    times = int(event.words.split()[0])
    return known, [Said(at=event.at, about=f"echo/{n}", words="0") for n in range(times)]


def swell(known: Known, event: Said) -> tuple[Known, list[Event]]:
    return Known(words="x" * int(event.words)), []


def bellow(known: Known, event: Said) -> tuple[Known, list[Event]]:
    return known, [Said(at=event.at, about="echo/a", words="0" * int(event.words))] if event.about == "room/a" else []


def answer(known: Known, event: Said) -> tuple[Known, list[Event]]:
    return known, [event]


def meddle(known: Known, event: Said) -> tuple[Known, list[Event]]:
    return known, [TimerSet(at=event.at, about=event.words, name="room", due=event.at)]


def grab(known: Known, event: Said) -> tuple[Known, list[Event]]:
    return known, [TimerSet(at=event.at, about=event.about, name=event.words, due=event.at)]


WALL = Table(
    "wall",
    MetaData(),
    Column("about", String, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("words", String, nullable=False),
)


def chalk(event: Said, envelope: Envelope) -> list[Put]:
    row: dict[str, Any] = {"position": envelope.position, "about": event.about, "words": event.words}
    match event.words:
        case "wrong type":
            row["words"] = [event.words]
        case "too large":
            row["position"] = 2**70
        case "missing column":
            del row["words"]
        case "missing key":
            del row["position"]
        case "nothing":
            row["words"] = None
        case "lone surrogate":
            row["words"] = "\ud800"
    return [Put(row)]


wall = projection("wall", WALL, chalk)


async def test_a_poison_event_parks_its_subject_and_the_rest_goes_on(engine: Engine) -> None:
    await engine.append(added(MONDAY, "jar/a", 1, "1"), poisoned("jar/a", "2"), added(MONDAY, "jar/b", 5, "3"))
    await engine.append(added(MONDAY, "jar/a", 3, "4"))
    await engine.settle(*shy_parts())
    [aside] = await engine.parked()
    assert aside == Aside("tally", "jar/a", aside.reason, position=2, waiting=2)
    assert aside.reason.startswith("ValueError in parts.py, line ")
    assert (await engine.state(tally, "jar/a")).amounts == (1,)
    assert (await engine.state(tally, "jar/b")).amounts == (5,)


async def test_what_comes_later_waits_behind_the_poison_also_after_a_crash(place: Place) -> None:
    engine = await place.open()
    await engine.append(poisoned("jar/a", "1"))
    await engine.settle(*shy_parts())
    engine = await place.crash(engine)
    await engine.append(added(MONDAY, "jar/a", 1, "2"), added(MONDAY, "jar/b", 1, "3"))
    await engine.settle(*shy_parts())
    assert [(a.subject, a.waiting) for a in await engine.parked()] == [("jar/a", 2)]
    assert (await engine.state(tally, "jar/a")).amounts == ()
    assert (await engine.state(tally, "jar/b")).amounts == (1,)
    await engine.close()


@pytest.mark.parametrize("batch_max", [1, 2, 3, 500])
async def test_a_redrive_goes_on_in_order_where_it_stopped(place: Place, batch_max: int) -> None:
    engine = await place.open(batch_max)
    facts = [added(MONDAY, f"jar/{s}", n, f"{s}{n}") for n in (1, 13, 2, 13, 3) for s in "ab"]
    for n, envelope in enumerate(facts):
        await engine.append(envelope._replace(id=fact(Added(at=MONDAY, about="jar/x", amount=n), key=str(n)).id))
    await engine.settle(*shy_parts())
    assert await engine.redrive("tally", "jar/a") == 1
    await engine.settle(*PARTS)
    assert (await engine.state(tally, "jar/a")).amounts == (1, 13, 2, 13, 3)
    assert [a.subject for a in await engine.parked()] == ["jar/b"]
    await engine.append(added(MONDAY, "jar/a", 4, "late"))
    assert await engine.redrive("tally") == 1
    await engine.settle(*PARTS)
    assert await engine.parked() == []
    assert (await engine.state(tally, "jar/a")).amounts == (1, 13, 2, 13, 3, 4)
    assert (await engine.state(book, "book/b")).lines == (1, 14, 16, 29, 32)
    assert await engine.redrive("tally") == 0
    await engine.close()


async def test_a_redrive_that_fails_again_parks_again_and_asks_no_more(engine: Engine) -> None:
    await engine.append(poisoned("jar/a", "1"), added(MONDAY, "jar/a", 1, "2"), added(MONDAY, "jar/b", 1, "3"))
    await engine.settle(*shy_parts())
    [before] = await engine.parked()
    await engine.redrive("tally")
    await engine.settle(*shy_parts())
    assert await engine.parked() == [before]
    await engine.settle(*PARTS)
    assert await engine.parked() == [before]


async def test_a_redrive_that_gets_half_way_keeps_the_half(engine: Engine) -> None:
    await engine.append(*(poisoned("jar/a", str(n)) for n in range(2)))
    await engine.settle(*shy_parts())

    def half(jar: Jar, event: Added) -> tuple[Jar, list[Event]]:
        if jar.amounts:
            raise RuntimeError(event.note)
        return count(jar, event)

    await engine.redrive("tally")
    await engine.settle(processor("tally", half))
    [aside] = await engine.parked()
    assert (aside.position, aside.waiting) == (2, 1)
    assert (await engine.state(tally, "jar/a")).amounts == (13,)


async def test_a_redrive_of_nothing_is_no_redrive(engine: Engine) -> None:
    assert await engine.redrive("tally") == 0
    await engine.append(poisoned("jar/a", "1"))
    await engine.settle(*shy_parts())
    assert await engine.redrive("tally", "jar/b") == 0
    assert await engine.redrive("tallyho") == 0


async def test_an_undecodable_event_parks_its_subject_for_everyone_who_reads_it(engine: Engine) -> None:
    garbage = added(MONDAY, "jar/a", 1, "1")._replace(data=f'{{"at": "{SECRET}", "about": 7')
    wrong = added(MONDAY, "jar/b", 1, "2")._replace(data=f'{{"amount": "{SECRET}", "{SECRET}": 1}}')
    deep = added(MONDAY, "jar/c", 1, "3")._replace(data="[" * 50_000)
    await engine.append(garbage, wrong, deep, added(MONDAY, "jar/d", 1, "4"))
    await engine.settle(*PARTS)
    asides = await engine.parked()
    assert [(a.name, a.subject) for a in asides] == [("tally", f"jar/{s}") for s in "abc"]
    assert asides[0].reason == "does not fit Added: body: json_invalid"
    assert "amount: int_type" in asides[1].reason
    assert (await engine.state(tally, "jar/d")).total == 1


@pytest.mark.parametrize(
    ("part", "words", "harmless", "reason"),
    [
        (processor("room", babble), str(OUTCOMES_MAX + 1), "0", f"more than {OUTCOMES_MAX} outcomes"),
        (processor("room", swell), str(STATE_CHARS_MAX + 1), "0", f"a state over {STATE_CHARS_MAX} characters"),
        (processor("room", bellow), "70000", "0", "the event is larger than 65536 bytes"),
        (processor("room", meddle), f"room/{SECRET}", "room/b", "AssertionError in "),
        (processor("room", grab), f"other.{SECRET}", "room.nap", "AssertionError in "),
        (processor("room", babble), SECRET, "0", "ValueError in test_engines_poison.py"),
    ],
    ids=["too many outcomes", "too large a state", "too large an event", "timer elsewhere", "foreign timer", "raises"],
)
async def test_a_step_that_goes_past_a_limit_parks_its_subject(
    engine: Engine, part: Part, words: str, harmless: str, reason: str
) -> None:
    facts = (said("room/a", "1", words), said("room/a", "2", harmless), said("room/b", "3", harmless))
    await engine.append(*facts)
    await engine.settle(part)
    [aside] = await engine.parked()
    assert (aside.subject, aside.position, aside.waiting) == ("room/a", 1, 2)
    assert reason in aside.reason
    assert SECRET not in aside.reason


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (processor("room", babble), str(OUTCOMES_MAX)),
        (processor("room", swell), str(STATE_CHARS_MAX - len('{"words":""}'))),
    ],
    ids=["outcomes", "state"],
)
async def test_a_step_at_the_limit_is_taken(engine: Engine, part: Part, words: str) -> None:
    await engine.append(said("room/a", "1", words))
    await engine.settle(part)
    assert await engine.parked() == []


async def test_a_chain_without_end_is_parked_at_its_limit(engine: Engine) -> None:
    await engine.append(said("room/a", "1"))
    await engine.settle(processor("room", answer))
    log = await everything(engine)
    assert [envelope.depth for envelope in log] == list(range(DEPTH_MAX + 1))
    [aside] = await engine.parked()
    assert aside.position == DEPTH_MAX + 1
    assert aside.reason == f"a chain of more than {DEPTH_MAX} outcomes"


@pytest.mark.parametrize(
    "words", ["wrong type", "too large", "missing column", "missing key", "nothing", "lone surrogate"]
)
@pytest.mark.parametrize("batch_max", [3, 500])
async def test_a_row_that_the_database_refuses_parks_its_subject(place: Place, words: str, batch_max: int) -> None:
    engine = await place.open(batch_max)
    facts = [said("room/a", "1", "one"), said("room/a", "2", words), said("room/a", "3", "three")]
    await engine.append(*facts, *(said("room/b", f"b{n}", "fine") for n in range(5)))
    await engine.settle(wall)
    [aside] = await engine.parked()
    assert aside == Aside("wall", "room/a", aside.reason, position=2, waiting=2)
    assert aside.reason.startswith("the database refuses a value (")
    assert [row["words"] for row in await shown(engine, wall)] == ["one", *["fine"] * 5]
    before = await engine.parked()
    await engine.redrive("wall")
    await engine.settle(wall)
    assert await engine.parked() == before
    await engine.redrive("wall")
    await engine.settle(projection("wall", WALL, mended))
    assert await engine.parked() == []
    assert [row["about"] for row in await shown(engine, wall)] == ["room/a"] * 3 + ["room/b"] * 5
    await engine.close()


def mended(event: Said, envelope: Envelope) -> list[Put]:
    return [Put({"position": envelope.position, "about": event.about, "words": "mended"})]


async def test_the_second_of_two_redriven_rows_may_be_the_poison(engine: Engine) -> None:
    await engine.append(said("room/a", "1", "nothing"), said("room/a", "2", "wrong type"), said("room/b", "3", "3"))
    await engine.settle(wall)

    def half_mended(event: Said, envelope: Envelope) -> Sequence[Put]:
        return (mended if event.words == "nothing" else chalk)(event, envelope)

    await engine.redrive("wall")
    await engine.settle(projection("wall", WALL, half_mended))
    [aside] = await engine.parked()
    assert (aside.position, aside.waiting) == (2, 1)
    assert [row["about"] for row in await shown(engine, wall)] == ["room/a", "room/b"]


async def test_no_reason_and_no_look_quotes_a_value(engine: Engine, capfd: pytest.CaptureFixture[str]) -> None:
    await engine.append(poisoned("jar/a", "1"))
    await engine.append(added(MONDAY, "jar/b", 1, "2")._replace(data=f'{{"at":"{SECRET}"}}'))
    await engine.append(said("room/a", "3", f"lone {SECRET}"), said("room/b", "4", "wrong type"))
    await engine.settle(*shy_parts(), wall, processor("room", babble))
    assert len(await engine.parked()) == 5
    assert SECRET not in repr(await engine.parked())
    assert SECRET not in "".join(capfd.readouterr())


async def test_a_poison_parks_one_part_and_not_the_others(engine: Engine) -> None:
    await engine.append(added(MONDAY, "jar/a", 1, "1"))
    await engine.settle(shy, ledger)
    await engine.append(poisoned("jar/a", "2"), fact(Counted(at=MONDAY, about="jar/a", total=99), key="3"))
    await engine.settle(*shy_parts())
    assert [row["total"] for row in await shown(engine, ledger)] in ([1, 99], [99, 1])
    assert [a.name for a in await engine.parked()] == ["tally"]
    assert len(await of(engine, "jar/a")) == 4


async def test_parked_and_mended_comes_to_the_same_as_never_parked(place: Place) -> None:
    facts = [added(MONDAY, f"jar/{s}", n, f"{s}{n}") for n in range(11, 16) for s in "ab"]
    engine = await place.open()
    await engine.append(*facts)
    await engine.settle(*shy_parts())
    await engine.redrive("tally")
    await engine.settle(*PARTS)
    straight = Engine(MemoryStore(Disk(), place.clock), clock=place.clock)
    await straight.append(*facts)
    await straight.settle(*PARTS)
    assert await outcome(engine, "a", "b") == await outcome(straight, "a", "b")
    await engine.close()
