"""Moving over from another register of the Klantinteracties API. It is a Draad too: what is moved is what it serves."""

import json
from contextlib import closing
from pathlib import Path
from sqlite3 import connect
from typing import Final

import httpx
import pytest

from draad.agreed import Agreed
from draad.compared import digest
from draad.moving import secret
from draad.register import client
from draad.settings import Misconfigured
from schemas.errors import Refused, Unavailable
from tests.registers import SECOND, Both, Way, filled
from tests.tools import CONTACT, NOWHERE, NUMBER, Tool

KINDS: Final = 14


async def test_all_of_it_is_here_under_its_own_name_and_says_the_same(
    both: Both, capsys: pytest.CaptureFixture[str]
) -> None:
    await filled(both.there)
    assert await both.move()
    theirs, ours = await both.everything(both.there), await both.everything(both.here)
    assert all(theirs.values())
    assert len(theirs) == KINDS
    assert ours == theirs
    assert "Not taken" not in capsys.readouterr().out


async def test_again_it_writes_nothing_and_finds_what_came_meanwhile(both: Both) -> None:
    await filled(both.there)
    assert await both.move()
    before = sum((await both.here.house.engine.ends()).values())
    assert await both.move()
    assert sum((await both.here.house.engine.ends()).values()) == before
    await both.there.contact(inhoud="en nog iets")
    assert not await both.move(only_compare=True)
    assert await both.move()
    assert await both.everything(both.here) == await both.everything(both.there)


async def test_what_it_means_stands_at_the_desk_when_it_happened(both: Both) -> None:
    await filled(both.there)
    await both.move()
    log = await both.here.house.engine.read(0, 1_000)
    [came] = [json.loads(one.data) for one in log if one.type == "contact.received"]
    assert (came["at"], came["text"]) == (SECOND, "Waar is mijn paspoort?")
    assert [one.type for one in log].count("task.opened") == 1
    assert "party.identifier-set" in {one.type for one in log}
    assert not [one for one in log if NUMBER["partijIdentificator"]["objectId"] in one.data]


async def test_a_register_of_many_pages_that_is_broken_off_goes_on_where_it_was(both: Both, tmp_path: Path) -> None:
    for n in range(230):
        await both.there.contact(onderwerp=f"nummer {n}")
    kept, gone = tmp_path / "progress.db", 0

    def dies(request: httpx.Request) -> None:
        nonlocal gone
        gone += request.method == "POST"
        if gone > 3:
            raise KeyboardInterrupt

    both.target.fault = dies
    with pytest.raises(KeyboardInterrupt):
        await both.move(kept)
    both.target.fault = lambda _: None
    pages = len([one for one in both.source.asked if one == ("GET", "klantcontacten")])
    both.source.asked.clear()
    await both.there.contact(onderwerp="terwijl het stil lag")
    assert await both.move(kept)
    assert (await both.here.ask("klantcontacten"))["count"] == 231
    assert pages > 1
    assert await both.everything(both.here) == await both.everything(both.there)


class Shrinking(Way):
    """A register from which cards are removed while it is read."""

    def __init__(self, tool: Tool, gone: list[str]) -> None:
        super().__init__(tool)
        self._gone = gone

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await super().handle_async_request(request)
        if self.asked.count(("GET", "klantcontacten")) > 1:
            while self._gone:
                await self._tool.delete(f"klantcontacten/{self._gone.pop()}")
        return answer


async def test_cards_that_are_removed_there_meanwhile_stop_nothing(
    both: Both, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for module in ("moving", "register", "compared"):
        monkeypatch.setattr(f"draad.{module}.PAGE", 2)
    for n in range(9):
        await both.there.contact(onderwerp=f"nummer {n}")
    names = await both.there.results("klantcontacten")
    both.source, kept = Shrinking(both.there, names[:6]), tmp_path / "progress.db"
    assert await both.move(kept)
    assert Agreed(kept).seen("klantcontacten") == 3
    assert await both.here.results("klantcontacten") == names[6:]


async def test_who_is_busy_is_asked_again_and_who_stays_away_is_told(both: Both, at_once: list[float]) -> None:
    await filled(both.there)
    answers: list[httpx.Response | Exception] = [
        httpx.Response(429, headers={"Retry-After": "7"}),
        httpx.Response(503),
        httpx.ConnectError(""),
    ]

    def busy(_: httpx.Request) -> httpx.Response | None:
        if not answers:
            return None
        said = answers.pop(0)
        if isinstance(said, Exception):
            raise said
        return said

    both.source.fault = busy
    assert await both.move()
    assert at_once == [7.0, 2.0, 4.0]
    both.target.fault = lambda _: httpx.Response(502)
    with pytest.raises(Unavailable, match="run it again"):
        await both.move()


async def test_an_answer_that_was_lost_on_the_way_doubles_nothing(both: Both) -> None:
    await filled(both.there)
    lost = set[str]()
    whole = both.target.handle_async_request

    async def forgetful(request: httpx.Request) -> httpx.Response:
        answer = await whole(request)
        body = (await request.aread()).decode()
        if request.method == "POST" and body not in lost:
            lost.add(body)
            raise httpx.ReadError("the answer never came")
        return answer

    both.target.handle_async_request = forgetful  # type: ignore[method-assign]
    assert await both.move()
    assert lost
    assert await both.everything(both.here) == await both.everything(both.there)
    log = await both.here.house.engine.read(0, 1_000)
    assert [one.type for one in log].count("contact.received") == 1


async def test_a_card_that_does_not_fit_is_named_and_the_others_are_taken(
    both: Both, capsys: pytest.CaptureFixture[str]
) -> None:
    await both.here.contact(nummer="0000000001")
    clash = await both.there.contact(nummer="0000000001", inhoud="geheim")
    fits = await both.there.contact(nummer="0000000002")
    assert not await both.move()
    told = capsys.readouterr().out
    assert f"Not taken: klantcontacten {clash['uuid']}: nummer unique." in told
    assert f"Look at: klantcontacten {clash['uuid']}" in told
    assert "geheim" not in told
    assert fits["uuid"] in await both.here.results("klantcontacten")


async def test_what_says_something_else_here_is_told(both: Both, capsys: pytest.CaptureFixture[str]) -> None:
    await filled(both.there)
    assert await both.move()
    [contact] = await both.here.results("klantcontacten")
    await both.here.patch(f"klantcontacten/{contact}", inhoud="anders")
    assert not await both.move(only_compare=True)
    assert f"Look at: klantcontacten {contact}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(401), "the token opens nothing at register.example.nl"),
        (httpx.Response(403, json={"detail": "geen toegang"}), "the token opens nothing"),
        (httpx.Response(200, text="<html>"), "no answer of that API"),
        (httpx.Response(200, json=[]), "no answer of that API"),
        (httpx.Response(200, json={"count": "veel"}), "no list of the Klantinteracties API"),
        (httpx.Response(200, json={"count": 1, "results": [{"uuid": "Jan"}]}), "no list of the Klantinteracties API"),
        (httpx.Response(200, json={"count": 1, "results": ["Jan"]}), "no list of the Klantinteracties API"),
        (httpx.Response(302, headers={"Location": "https://elders.example.nl"}), "answers 302"),
    ],
    ids=["401", "403", "html", "list", "count", "name", "card", "moved"],
)
async def test_a_register_that_is_none_is_told_in_a_sentence(both: Both, answer: httpx.Response, said: str) -> None:
    both.source.fault = lambda _: answer
    with pytest.raises(Refused, match=said) as raised:
        await both.move()
    assert "Jan" not in str(raised.value)
    assert both.target.writes() == 0


@pytest.mark.parametrize("text", ["[]", "null", '{"klantcontacten": 3}', "x" * 600])
def test_a_file_that_holds_no_progress_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "progress.db").write_text(text)
    with pytest.raises(Refused, match="--progress"):
        Agreed(tmp_path / "progress.db")
    assert (tmp_path / "progress.db").read_text() == text


def test_a_database_of_somebody_else_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "draad.db")) as db:
        db.execute("CREATE TABLE log (position INTEGER)")
        with pytest.raises(Refused, match="--progress"):
            Agreed(tmp_path / "draad.db")
        assert db.execute("SELECT name FROM sqlite_schema").fetchall() == [("log",)]


def test_a_token_comes_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("abc\n")
    assert secret(tmp_path / "token", None, "--token-file") == "abc"
    for text in ("", "a\nb", "ë"):
        (tmp_path / "token").write_text(text)
        with pytest.raises(Misconfigured, match="--token-file must hold a token"):
            secret(tmp_path / "token", None, "--token-file")
    with pytest.raises(Misconfigured, match="must hold a token"):
        secret(tmp_path / "nowhere", None, "--token-file")


@pytest.mark.parametrize("address", ["", "openklant", "ftp://x/", "https://", "https://x/?a=b"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(Refused, match="has an address such as"):
        client(address, "abc")


def test_the_same_card_is_the_same_however_it_is_spelled() -> None:
    card = CONTACT | {"plaatsgevondenOp": "2026-11-20T10:00:00+01:00", "nummer": "", "metadata": None}
    again = CONTACT | {"plaatsgevondenOp": "2026-11-20T09:00:00Z", "inhoud": "", "url": "x", "onbekend": 1}
    assert digest("klantcontacten", card) == digest("klantcontacten", again)
    assert digest("klantcontacten", card) != digest("klantcontacten", again | {"inhoud": "iets"})
    link = {"hadKlantcontact": {"uuid": NOWHERE, "url": f"https://a/{NOWHERE}"}, "rol": "klant", "initiator": True}
    assert digest("betrokkenen", link) == digest("betrokkenen", link | {"hadKlantcontact": {"uuid": NOWHERE}})
