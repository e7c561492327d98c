"""The same parts, the naive way: lists, and everything computed anew at each look."""

from dataclasses import dataclass, field
from datetime import datetime

from schemas.event import Envelope, effect, fact
from schemas.timer import TimerCleared, TimerElapsed, TimerSet
from tests.contract.looks import History
from tests.contract.parts import UNLUCKY, Added, Asked, CalledOff, Counted, Noted, Rang


@dataclass
class Shelf:
    """One jar: what was added, how much of that is counted, and how much was ever told."""

    added: list[Envelope] = field(default_factory=list)
    counted: int = 0
    told: int = 0
    parked: bool = False

    def amounts(self, upto: int) -> tuple[int, ...]:
        return tuple(Added.model_validate_json(e.data).amount for e in self.added[:upto])

    def advance(self, *, shy: bool) -> None:
        """Count on, until one is feared."""
        while self.counted < len(self.added):
            if shy and self.amounts(self.counted + 1)[-1] == UNLUCKY:
                self.parked = True
                return
            self.counted += 1
            self.told = max(self.told, self.counted)
        self.parked = False


@dataclass
class Model:
    """All that the machine should come to."""

    known: set[str] = field(default_factory=set)
    jars: dict[str, Shelf] = field(default_factory=dict)
    beds: dict[str, list[Envelope]] = field(default_factory=dict)  # Facts not yet stepped.
    pending: dict[tuple[str, str], tuple[datetime, Envelope]] = field(default_factory=dict)
    log: History = field(default_factory=dict)
    rung: list[tuple[str, str, datetime]] = field(default_factory=list)
    redriving: set[str] = field(default_factory=set)
    rebuilding: bool = False

    def append(self, envelope: Envelope) -> None:
        if envelope.id in self.known:
            return
        self.known.add(envelope.id)
        self.write(envelope)
        if envelope.type == Added.type:
            self.jars.setdefault(envelope.subject, Shelf()).added.append(envelope)
        else:
            self.beds.setdefault(envelope.subject, []).append(envelope)

    def write(self, envelope: Envelope) -> None:
        self.log.setdefault((envelope.subject, envelope.type), []).append((envelope.id, envelope.data))

    def settle(self, now: datetime, *, shy: bool) -> None:
        for about, jar in self.jars.items():
            if self.rebuilding:
                self.count_again(jar, shy=shy)
            if not jar.parked or about in self.redriving:
                jar.advance(shy=shy)
        self.redriving.clear()
        self.rebuilding = False
        for waiting in self.beds.values():
            for envelope in waiting:
                self.ask(envelope)
            waiting.clear()
        for (about, name), (due, asked) in sorted(self.pending.items(), key=lambda p: (p[1][0], p[0])):
            if due <= now:
                self.ring(about, name, due, asked, now)
                del self.pending[about, name]

    def count_again(self, jar: Shelf, *, shy: bool) -> None:
        """What a rebuild makes of the past: it parks what it fears, and what was parked stays parked."""
        if shy and UNLUCKY in jar.amounts(jar.counted):
            jar.counted = jar.amounts(jar.counted).index(UNLUCKY)
            jar.parked = True

    def ask(self, cause: Envelope) -> None:
        if cause.type == Asked.type:
            asked = Asked.model_validate_json(cause.data)
            timer = TimerSet(at=asked.at, about=asked.about, name=f"bell.{asked.name}", due=asked.due)
            envelope = effect(timer, cause=cause, by="bell", nth=0)
            self.pending[asked.about, asked.name] = (asked.due, envelope)
        else:
            off = CalledOff.model_validate_json(cause.data)
            cleared = TimerCleared(at=off.at, about=off.about, name=f"bell.{off.name}")
            envelope = effect(cleared, cause=cause, by="bell", nth=0)
            self.pending.pop((off.about, off.name), None)
        self.write(envelope)

    def ring(self, about: str, name: str, due: datetime, asked: Envelope, now: datetime) -> None:
        elapsed = TimerElapsed(at=max(now, due), about=about, name=f"bell.{name}", due=due)
        cause = fact(elapsed, key=asked.id)
        self.write(cause)
        self.write(effect(Rang(at=elapsed.at, about=about, name=name, due=due), cause=cause, by="bell", nth=0))
        self.rung.append((about, name, elapsed.at))

    def history(self) -> History:
        """Facts and alarms as they were written, and what was told of the jars."""
        found = {key: list(lines) for key, lines in self.log.items()}
        for about, jar in self.jars.items():
            for nth in range(jar.told):
                cause, total = jar.added[nth], sum(jar.amounts(nth + 1))
                at = Added.model_validate_json(cause.data).at
                counted = Counted(at=at, about=about, total=total)
                noted = Noted(at=at, about=about.replace("jar/", "book/"), total=total)
                for n, event in enumerate((counted, noted)):
                    told = effect(event, cause=cause, by="tally", nth=n)
                    found.setdefault((told.subject, told.type), []).append((told.id, told.data))
        return found

    def weighed(self) -> dict[str, tuple[int, int]]:
        """What stands on each of the scales: how many jars, and how heavy they are together."""
        found: dict[str, tuple[int, int]] = {}
        for jar in self.jars.values():
            if jar.told:
                total = sum(jar.amounts(jar.told))
                many, heavy = found.get(side := "odd" if total % 2 else "even", (0, 0))
                found[side] = (many + 1, heavy + total)
        return found

    def totals(self) -> list[tuple[str, int]]:
        """What the ledger shows."""
        return sorted((about, sum(jar.amounts(n + 1))) for about, jar in self.jars.items() for n in range(jar.told))
