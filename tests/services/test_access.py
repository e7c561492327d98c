"""Who comes in with a token, and what is written down of it."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Final

import pytest

from engine.engine import Engine
from engine.memory import Disk, MemoryStore
from engine.testing import shown
from schemas.errors import Unavailable
from schemas.event import Envelope, fact
from schemas.token import TokenIssued, TokenRevoked, TokenUsed
from services.access.gate import ID_CHARS, STALE_S_MAX, TOKEN_CHARS, Gate, digest, made
from services.access.tokens import tokens
from tests.rooms import NOW

KEY: Final = b"key"
ALL: Final = "the-one-that-opens-everything"
TOKEN: Final = "q7Zk2mBd" + "x" * 32
SCOPES: Final = ("contacts.write", "metrics.read")

issued = TokenIssued(
    at=NOW, token_id=TOKEN[:8], name="kiss", scopes=SCOPES, due=NOW + timedelta(days=9), digest=digest(KEY, TOKEN)
)
revoked = TokenRevoked(at=NOW + timedelta(hours=1), token_id=issued.token_id)


class Watch:
    """Two clocks that stand still until they are moved."""

    def __init__(self) -> None:
        self.now, self.s = NOW, 0.0

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.s


class Scene:
    """A gate that has seen these facts."""

    def __init__(self) -> None:
        self.watch = Watch()
        self.engine = Engine(MemoryStore(Disk(), self.watch), clock=self.watch)
        self.gate = self.another()

    def another(self) -> Gate:
        return Gate(self.engine, KEY, ALL, self.watch, self.watch.monotonic)

    async def see(self, *events: TokenIssued | TokenRevoked) -> None:
        await self.engine.append(*(fact(event, key=str(event.at)) for event in events))
        await self.settle()

    async def settle(self) -> None:
        await self.engine.settle(tokens)
        await self.gate.look()

    def brought(self, scope: str = "metrics.read") -> str:
        program = self.gate.whose(TOKEN)
        assert program
        return self.gate.refusal(program, scope)

    async def told(self, type: str) -> Sequence[Envelope]:
        return [envelope for envelope in await self.engine.read(limit=1000) if envelope.type == type]


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    built = Scene()
    await built.see(issued)
    yield built
    await built.engine.close()


def test_its_row_says_how_it_stands() -> None:
    noon = NOW + timedelta(hours=3)
    [row] = shown(tokens, issued, TokenUsed(at=noon, token_id="q7Zk2mBd"), TokenUsed(at=NOW, token_id="q7Zk2mBd"))
    assert (row["name"], row["scopes"], row["revoked_at"]) == ("kiss", "contacts.write metrics.read", "")
    assert row["used_at"] == "2026-11-23T12:00:00.000000Z"
    [row] = shown(tokens, issued, revoked, revoked.model_copy(update={"at": noon}))
    assert row["revoked_at"] == "2026-11-23T10:00:00.000000Z"


def test_what_is_made_is_never_the_same_and_as_long_as_desk_tools_expect() -> None:
    several = {made() for _ in range(100)}
    assert len(several) == 100
    assert {len(token) for token in several} == {TOKEN_CHARS}
    assert all(token.isascii() and token.isalnum() for token in several)


def test_what_is_kept_is_no_token_and_another_key_keeps_something_else() -> None:
    assert TOKEN not in issued.model_dump_json()
    assert digest(KEY, TOKEN) != digest(b"another", TOKEN)


async def test_it_opens_what_its_scopes_say_and_nothing_else(scene: Scene) -> None:
    assert [scene.brought(scope) for scope in SCOPES] == ["", ""]
    assert [scene.brought(scope) for scope in ("contacts.read", "everything")] == ["scope"] * 2


@pytest.mark.parametrize(
    "wrong", ["", TOKEN[:-1], TOKEN + "x", TOKEN[:-1] + "y", "q7Zk2mBe" + TOKEN[ID_CHARS:], "é" * 40, "\udce9" * 40]
)
async def test_whoever_brings_anything_else_is_nobody(scene: Scene, wrong: str) -> None:
    assert scene.gate.whose(wrong) is None


async def test_the_one_that_opens_everything_needs_no_look_and_is_written_down_nowhere(scene: Scene) -> None:
    program = scene.another().whose(ALL)
    assert program
    assert [scene.gate.refusal(program, scope) for scope in ("everything", "metrics.read")] == ["", ""]
    await scene.gate.look()
    assert await scene.told("token.used") == []


async def test_it_opens_nothing_from_its_end_on(scene: Scene) -> None:
    scene.watch.now = issued.due - timedelta(microseconds=1)
    assert scene.brought() == ""
    scene.watch.now = issued.due
    assert scene.brought() == "expired"


async def test_it_opens_nothing_once_it_is_revoked(scene: Scene) -> None:
    await scene.see(revoked)
    assert [scene.brought(scope) for scope in (*SCOPES, "contacts.read")] == ["revoked"] * 3


async def test_a_use_is_written_down_once_a_day_on_however_many_nodes(scene: Scene) -> None:
    gates = [scene.gate, scene.another()]
    for hours in (0, 1, 25):
        scene.watch.now = NOW + timedelta(hours=hours)
        for gate in gates:
            await gate.look()
            for _ in range(3):
                program = gate.whose(TOKEN)
                assert program
                assert gate.refusal(program, "metrics.read") == ""
            await gate.look()
    assert [envelope.time for envelope in await scene.told("token.used")] == [
        "2026-11-23T09:00:00.000000Z",
        "2026-11-24T10:00:00.000000Z",
    ]


async def test_a_refusal_is_written_down_by_name_once_an_hour_for_each_cause(scene: Scene) -> None:
    for _ in range(3):
        scene.brought("contacts.read")
        scene.brought("records.read")
    scene.watch.now += timedelta(hours=1)
    scene.brought("records.read")
    await scene.gate.look()
    told = await scene.told("token.refused")
    assert [envelope.subject for envelope in told] == ["token/q7Zk2mBd"] * 3
    assert all('"name":"kiss"' in envelope.data and '"why":"scope"' in envelope.data for envelope in told)
    assert all(TOKEN not in envelope.data for envelope in told)


async def test_what_could_not_be_written_down_is_written_down_later(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Envelope) -> None:
        raise Unavailable("the log is away")

    scene.brought()
    with monkeypatch.context() as patched:
        patched.setattr(scene.engine, "append", away)
        with pytest.raises(Unavailable):
            await scene.gate.look()
    assert await scene.told("token.used") == []
    await scene.gate.look()
    assert len(await scene.told("token.used")) == 1


async def test_nobody_is_let_in_before_the_first_look_nor_long_after_the_last(scene: Scene) -> None:
    with pytest.raises(Unavailable):
        scene.another().whose(TOKEN)
    scene.watch.s = STALE_S_MAX
    assert scene.brought() == ""
    scene.watch.s = STALE_S_MAX + 0.1
    with pytest.raises(Unavailable):
        scene.gate.whose(TOKEN)
    await scene.gate.look()
    assert scene.brought() == ""
