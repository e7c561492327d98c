"""All histories: whatever is done in whatever order, wherever it crashes, the engine comes to what the model says."""

import asyncio
import tempfile
from collections.abc import Coroutine
from datetime import timedelta
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from engine.engine import Engine
from engine.processor import Part
from schemas.event import Envelope, Event, fact
from tests.contract.looks import everything, history, shown
from tests.contract.model import Model
from tests.contract.parts import (
    PARTS,
    Added,
    Asked,
    CalledOff,
    Rang,
    bell,
    board,
    book,
    ledger,
    scales,
    shelf,
    shy_parts,
    tally,
)
from tests.contract.places import ENGINES, MONDAY, Place

EXAMPLES = 25
EXAMPLES_FAR = 8  # Where each step goes over the network, a life takes seconds.
STEPS = 25
WORK_S_MAX = 30
Result = TypeVar("Result")

jars = st.sampled_from(["jar/a", "jar/b"])
beds = st.sampled_from(["bed/a", "bed/b"])
names = st.sampled_from(["nap", "tea"])
amounts = st.sampled_from([1, 2, 3, 5, 13])
hours = st.integers(-2, 5)
seeds = st.integers(0, 2**16)


class Histories(RuleBasedStateMachine):
    """One engine, lived through, and compared with the model whenever it has settled."""

    kind = "memory-1"

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.place: Place = ENGINES[self.kind](Path(self.folder.name))
        self.clock = self.place.clock
        self.model = Model()
        self.facts: list[Envelope] = []
        self.shy = False
        self.settled = True

    @initialize(batch_max=st.sampled_from([1, 2, 3, 500]))
    def open(self, batch_max: int) -> None:
        self.batch_max = batch_max
        self.engine = self.do(self.place.open(batch_max))

    def do(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.runner.run(asyncio.wait_for(work, WORK_S_MAX))

    def parts(self) -> tuple[Part, ...]:
        return shy_parts() if self.shy else PARTS

    def write(self, *facts: Envelope) -> None:
        self.settled = False
        for envelope in facts:
            self.model.append(envelope)
        self.facts.extend(facts)

    def made(self, event: Event) -> Envelope:
        return fact(event, key=str(len(self.facts)))

    @rule(about=jars, amount=amounts)
    def add(self, about: str, amount: int) -> None:
        envelope = self.made(Added(at=self.clock.now, about=about, amount=amount))
        self.do(self.engine.append(envelope))
        self.write(envelope)

    @rule(about=beds, name=names, wait=hours)
    def ask(self, about: str, name: str, wait: int) -> None:
        due = self.clock.now + timedelta(hours=wait)
        envelope = self.made(Asked(at=self.clock.now, about=about, name=name, due=due))
        self.do(self.engine.append(envelope))
        self.write(envelope)

    @rule(about=beds, name=names)
    def call_off(self, about: str, name: str) -> None:
        envelope = self.made(CalledOff(at=self.clock.now, about=about, name=name))
        self.do(self.engine.append(envelope))
        self.write(envelope)

    @rule(amounts=st.lists(amounts, min_size=1, max_size=6), about=jars)
    def add_many_at_once(self, amounts: list[int], about: str) -> None:
        start = len(self.facts)
        facts = [
            fact(Added(at=self.clock.now, about=about, amount=amount), key=str(start + n))
            for n, amount in enumerate(amounts)
        ]
        self.do(self.engine.append(*facts, *facts))
        self.write(*facts)

    @rule(amount=amounts, data=st.data())
    def add_in_parallel(self, amount: int, data: st.DataObject) -> None:
        facts = [self.made(Added(at=self.clock.now, about=about, amount=amount)) for about in ("jar/a", "jar/b")]
        again = data.draw(st.lists(st.sampled_from([*facts, *self.facts]), max_size=5))

        async def all_at_once() -> None:
            await asyncio.gather(*(self.engine.append(envelope) for envelope in (*facts, *again, *facts)))

        self.do(all_at_once())
        self.write(*facts)

    @rule(data=st.data(), days=st.sampled_from([0, 0, 0, 1]))
    def repeat(self, data: st.DataObject, days: int) -> None:
        if self.facts:
            self.clock.pass_(days=days)
            self.do(self.engine.append(*data.draw(st.lists(st.sampled_from(self.facts), max_size=4))))
            self.settled = False

    @rule(span=st.integers(1, 4))
    def let_time_pass(self, span: int) -> None:
        self.clock.pass_(hours=span)
        self.settled = False

    @rule(seed=seeds)
    def settle(self, seed: int) -> None:
        self.do(self.engine.settle(*self.parts(), random=Random(seed)))
        self.model.settle(self.clock.now, shy=self.shy)
        self.settled = True

    @rule()
    def crash(self) -> None:
        self.engine = self.do(self.place.crash(self.engine, self.batch_max))

    @precondition(lambda self: not self.model.rebuilding)
    @rule(shy=st.booleans())
    def deploy(self, shy: bool) -> None:
        """Other code under the same version: the cause of the fear is mended, or a mistake creeps in."""
        self.shy = shy

    @rule()
    def redrive(self) -> None:
        parked = {about for about, jar in self.model.jars.items() if jar.parked}
        assert self.do(self.engine.redrive("tally")) == len(parked)
        self.model.redriving |= parked
        self.settled = False

    @rule(name=st.sampled_from(["tally", "bell", "book", "ledger", "shelf", "board", "scales"]))
    def rebuild(self, name: str) -> None:
        if self.shy:  # What is appended meanwhile may be counted before the rebuild trips over the past, or after.
            self.settle(0)
        if {s.task.name for s in self.do(self.engine.standings())} >= {name}:
            self.do(self.engine.rebuild(name))
            self.model.rebuilding |= name == "tally"
            self.settled = False
        if self.shy:
            self.settle(0)

    @invariant()
    def it_is_what_the_model_says(self) -> None:
        if self.settled and self.facts:
            self.do(self.compare())

    async def compare(self) -> None:
        log = await everything(self.engine)
        assert history(log) == self.model.history()
        rung = [Rang.model_validate_json(e.data) for e in log if e.type == Rang.type]
        assert [(e.about, e.name, e.at) for e in rung] == self.model.rung
        for about, jar in self.model.jars.items():
            assert (await self.engine.state(tally, about)).amounts == jar.amounts(jar.counted)
            kept = await self.engine.state(book, about.replace("jar/", "book/"))
            assert len(kept.lines) == jar.told
        for about in self.model.beds:
            assert (await self.engine.state(bell, about)).rings == sum(r[0] == about for r in self.model.rung)
        waiting = {a.subject: a.waiting for a in await self.engine.parked()}
        assert waiting == {about: len(j.added) - j.counted for about, j in self.model.jars.items() if j.parked}
        totals = await shown(self.engine, ledger)
        assert sorted((row["about"], row["total"]) for row in totals) == self.model.totals()
        weighed = {row["side"]: (row["jars"], row["total"]) for row in await shown(self.engine, scales) if row["jars"]}
        assert weighed == self.model.weighed()
        on_shelf = {about: sum(jar.amounts(jar.told)) for about, jar in self.model.jars.items() if jar.told}
        assert await shown(self.engine, shelf) == [
            {"about": about, "total": total} for about, total in sorted(on_shelf.items()) if total % 5
        ]
        assert await shown(self.engine, board) == [
            {"about": about, "best": max(accumulate(jar.amounts(jar.told))), "times": jar.told}
            for about, jar in sorted(self.model.jars.items())
            if jar.told
        ]
        assert all(s.behind == 0 and s.timers_due == 0 for s in await self.engine.standings())

    def teardown(self) -> None:
        self.do(self.engine.close())
        self.do(self.place.close())
        self.runner.close()
        self.folder.cleanup()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ENGINES)
def test_every_history_comes_to_what_the_model_says(kind: str) -> None:
    class OfThisKind(Histories):
        pass

    OfThisKind.kind = kind
    run_state_machine_as_test(
        OfThisKind,
        settings=settings(
            max_examples=EXAMPLES_FAR if kind.startswith("kafka") else EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


WEEK = [
    fact(event, key=str(n))
    for n, event in enumerate(
        [
            *(Added(at=MONDAY, about=f"jar/{s}", amount=n) for n in range(10, 16) for s in "abc"),
            *(
                Asked(at=MONDAY, about=f"bed/{s}", name="nap", due=MONDAY + timedelta(hours=h))
                for h in (1, 9)
                for s in "ab"
            ),
            CalledOff(at=MONDAY, about="bed/b", name="nap"),
        ]
    )
]


async def week(engine: Engine, place: Place) -> list[Envelope]:
    """The same facts, the same hours, the same redrive."""
    for envelope in WEEK:
        await engine.append(envelope)
        await engine.settle(*shy_parts())
    await engine.redrive("tally")
    for _ in range(3):
        place.clock.pass_(hours=5)
        await engine.settle(*PARTS)
    return await everything(engine)


async def test_every_engine_writes_the_same_history_per_subject_ids_included(tmp_path: Path) -> None:
    found = {}
    for kind, make in ENGINES.items():
        (tmp_path / kind).mkdir()
        place = make(tmp_path / kind)
        engine = await place.open()
        log = await week(engine, place)
        subjects = {envelope.subject for envelope in log}
        found[kind] = {s: [e._replace(position=0, partition="") for e in log if e.subject == s] for s in subjects}
        await engine.close()
        await place.close()
    first, *others = found.values()
    assert len(first) > 5
    assert all(other == first for other in others)
