"""Our own contact form: what is sent is kept once, what is wrong is said beside the field, and a BSN is not kept."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from html import unescape
from typing import Any, Final
from urllib.parse import urlencode

import httpx
import pytest
from limits import RateLimitItemPerMinute

from channels.bsn import MASK
from channels.days import answered_by
from channels.forms import FIELDS_MAX
from draad.rates import LIMITS, VISITOR, Rates
from draad.site import Site
from engine.memory import Disk, MemoryStore
from schemas.errors import Unavailable
from services.intake.asked import QUESTION_CHARS_MAX
from services.intake.form import FormSettings
from services.intake.wording import WORDS
from tests.rooms import NOW, Rooms, rooms

BSN: Final = "123456782"
FORM: Final = {"content-type": "application/x-www-form-urlencoded", "accept": "text/html"}
TOKEN: Final = re.compile(r'name="form" value="([^"]+)"')
ASKED: Final = {"question": "Hoe laat gaat u open?", "email": "Jan@Example.nl", "phone": "", "name": "", "website": ""}
SITE: Final = Site(form=FormSettings(title="Gemeente Voorbeeld", phone="14 020", answer_days=3))


class Hand:
    """A clock that a test moves by hand."""

    now = NOW

    def __call__(self) -> datetime:
        return self.now


class Visitor:
    """Somebody with a browser that runs no scripts."""

    def __init__(self, house: Rooms, hand: Hand) -> None:
        self.house, self.hand = house, hand

    async def form(self, language: str = "") -> str:
        answer = await self.house.client.get(f"/contact/{language}")
        assert answer.status_code == 200
        self.hand.now += timedelta(seconds=30)
        found = TOKEN.search(answer.text)
        assert found
        return found[1]

    async def send(self, language: str = "", **fields: str) -> httpx.Response:
        body = urlencode(ASKED | {"form": await self.form(language)} | fields)
        return await self.house.client.post(f"/contact/{language}", content=body, headers=FORM)


@pytest.fixture
async def visitor() -> AsyncIterator[Visitor]:
    hand = Hand()
    async with rooms(clock=hand, site=SITE) as house:
        del house.client.headers["authorization"]
        yield Visitor(house, hand)


async def kept(visitor: Visitor) -> list[dict[str, Any]]:
    return [json.loads(fact.data) for fact in await visitor.house.engine.read()]


def wrongs(answer: httpx.Response, status: int = 400) -> list[str]:
    """The sentences of the summary, each with the field that it leads to."""
    assert answer.status_code == status, answer.text
    assert "<title>Fout: " in answer.text or "<title>Error: " in answer.text
    return [unescape(found) for found in re.findall(r'<li>(?:<a href="#\w+">)?([^<]+)', answer.text)]


async def test_a_question_is_kept_before_it_is_confirmed(visitor: Visitor) -> None:
    answer = await visitor.send(name="Zoë", phone="06 12345678")
    assert answer.status_code == 200
    [fact] = await kept(visitor)
    assert (fact["channel"], fact["kind"], fact["address"]) == ("web", "email", "jan@example.nl")
    assert (fact["text"], fact["profile"]) == ("Hoe laat gaat u open?\n\nTelefoon: +31612345678", "Zoë")
    assert f"Uw nummer is {fact['contact_id'][:6].upper()}." in answer.text
    assert "Wij antwoorden uiterlijk donderdag 26 november." in answer.text
    assert "Hoe laat gaat u open?" in answer.text
    assert str(answer.url).endswith("/contact/")


async def test_sent_twice_at_once_and_again_it_is_one_contact(visitor: Visitor) -> None:
    body = urlencode(ASKED | {"form": await visitor.form()})
    sent = [visitor.house.client.post("/contact/", content=body, headers=FORM) for _ in range(5)]
    answers = [*await asyncio.gather(*sent), await visitor.house.client.post("/contact/", content=body, headers=FORM)]
    assert {answer.status_code for answer in answers} == {200}
    assert len(await kept(visitor)) == 1


async def test_whoever_goes_back_and_asks_something_else_loses_neither(visitor: Visitor) -> None:
    form = await visitor.form()
    for question in ("Hoe laat gaat u open?", "En op zaterdag?"):
        body = urlencode(ASKED | {"form": form, "question": question})
        assert (await visitor.house.client.post("/contact/", content=body, headers=FORM)).status_code == 200
    assert [fact["text"] for fact in await kept(visitor)] == ["Hoe laat gaat u open?", "En op zaterdag?"]


async def test_whoever_prefers_a_telephone_is_filed_under_it(visitor: Visitor) -> None:
    assert (await visitor.send(email="", phone="+44 20 7946 0000")).status_code == 200
    [fact] = await kept(visitor)
    assert (fact["kind"], fact["address"]) == ("phone", "+442079460000")


async def test_the_same_page_in_english(visitor: Visitor) -> None:
    page = await visitor.house.client.get("/contact/?lang=en")
    assert ('<html lang="en">' in page.text, "Ask your question" in page.text) == (True, True)
    answer = await visitor.send("?lang=en")
    assert "We answer by Thursday 26 November at the latest." in answer.text
    assert wrongs(await visitor.send("?lang=en", question="")) == ["Write down what you want to ask"]
    assert (await kept(visitor))[0]["language"] == "en"
    assert WORDS["en"].keys() == WORDS["nl"].keys()


WRONG: Final[dict[str, tuple[dict[str, str], str]]] = {
    "no question": ({"question": "  \r\n "}, "Schrijf op wat u wilt vragen"),
    "a question too long": ({"question": "x" * (QUESTION_CHARS_MAX + 1)}, "er passen 5000 tekens, en u hebt er 5001"),
    "no address": ({"email": ""}, "Vul een e-mailadres of een telefoonnummer in"),
    "no such address": ({"email": "jan@"}, "Vul een e-mailadres in zoals"),
    "an address with a line break": ({"email": "a@b.nl\r\nBcc: x@y.nl"}, "Vul een e-mailadres in zoals"),
    "an address that is a BSN": ({"email": f"{BSN}@example.nl"}, "Vul een e-mailadres in zoals"),
    "no such number": ({"phone": "12345"}, "Vul een telefoonnummer in zoals"),
    "a municipality's own number": ({"phone": "14 020"}, "Vul een telefoonnummer in zoals"),
    "a name too long": ({"name": "x" * 201}, "Vul een kortere naam in"),
    "the field that people do not see": ({"website": "https://kwaad.example"}, "Maak dit veld leeg"),
}


@pytest.mark.parametrize(("fields", "sentence"), WRONG.values(), ids=WRONG)
async def test_what_is_wrong_is_said_and_nothing_is_lost(
    visitor: Visitor, fields: dict[str, str], sentence: str
) -> None:
    answer = await visitor.send(**fields)
    [said] = wrongs(answer)
    assert sentence in said
    assert await kept(visitor) == []
    if "question" not in fields:
        assert ASKED["question"] in answer.text, "what was typed stands there still"


async def test_every_mistake_leads_to_its_field_which_says_it_too(visitor: Visitor) -> None:
    answer = await visitor.send(question="", email="x", phone="1", name="x" * 201)
    links = re.findall(r'<a href="#(\w+)">', answer.text.split("<h1>")[0].split('role="alert"')[1])
    assert links == ["question", "email", "phone", "name"]
    for field in links:
        tag = re.search(rf'<(?:input|textarea)[^>]* id="{field}"[^>]*>', answer.text)
        assert tag
        assert 'aria-invalid="true"' in tag[0]
        assert f"{field}-fout" in tag[0]
        assert f'id="{field}-fout"' in answer.text


async def test_a_bsn_is_taken_out_and_said_and_what_is_sent_then_is_flagged(visitor: Visitor) -> None:
    answer = await visitor.send(question=f"Mijn BSN is {BSN}, klopt dat?")
    assert "op een BSN lijkt" in wrongs(answer)[0]
    assert BSN not in answer.text
    assert f"Mijn BSN is {MASK}, klopt dat?" in answer.text
    assert (await visitor.send(question=f"Mijn BSN is {MASK}, klopt dat?")).status_code == 200
    [fact] = await kept(visitor)
    assert fact["flags"] == ["bsn-in-text"]


async def test_a_bsn_for_a_name_is_not_kept(visitor: Visitor) -> None:
    assert (await visitor.send(name=f"Jan {BSN}")).status_code == 200
    assert BSN not in str(await kept(visitor))


async def test_a_page_that_is_not_ours_too_old_or_filled_in_at_once_is_sent_again(visitor: Visitor) -> None:
    for form in ("", "x", "18f-00.aaaaaaaaaaaaaaaaaaaaaaaaaa"):
        body = urlencode(ASKED | {"form": form})
        answer = await visitor.house.client.post("/contact/", content=body, headers=FORM)
        assert "te lang open" in wrongs(answer)[0]
    form = await visitor.form()
    visitor.hand.now -= timedelta(seconds=29)
    body = urlencode(ASKED | {"form": form})
    assert "heel snel" in wrongs(await visitor.house.client.post("/contact/", content=body, headers=FORM))[0]
    visitor.hand.now += timedelta(hours=25)
    assert "te lang open" in wrongs(await visitor.house.client.post("/contact/", content=body, headers=FORM))[0]
    assert await kept(visitor) == []


MARKUP: Final = "<script>alert(1)</script>\"><img src=x onerror=y>\n=cmd|'/c calc'!A1\n</textarea>{{7*7}}"


async def test_what_somebody_types_is_text_wherever_it_is_shown(visitor: Visitor) -> None:
    for answer in (
        await visitor.send(question=MARKUP),
        await visitor.send(question=MARKUP, email='"><script>x</script>', name=MARKUP),
    ):
        assert "<script" not in answer.text
        assert "<img" not in answer.text
        assert "{{7*7}}" in answer.text
        assert answer.text.count("</textarea>") <= 1
    [fact] = await kept(visitor)
    assert fact["text"] == MARKUP


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"question=%ff",
        b"question",
        b"&" * 100,
        "&".join(f"a{n}=1" for n in range(FIELDS_MAX + 1)).encode(),
        b'{"question": "x"}',
        b"--x\r\nContent-Disposition: form-data; name=question\r\n\r\nx\r\n--x--",
    ],
)
async def test_a_broken_body_is_answered_with_the_form(visitor: Visitor, body: bytes) -> None:
    answer = await visitor.house.client.post("/contact/", content=body, headers=FORM)
    assert wrongs(answer)
    assert await kept(visitor) == []


async def test_a_huge_body_is_turned_away(visitor: Visitor) -> None:
    for language, sentence in (("", "Uw vraag is te lang"), ("?lang=en", "Your question is too long")):
        body = b"question=" + b"x" * 100_000
        answer = await visitor.house.client.post(f"/contact/{language}", content=body, headers=FORM)
        assert (answer.status_code, sentence in answer.text) == (413, True)
    gone = await visitor.house.client.get("/contact/elders", headers=FORM)
    assert (gone.status_code, "Deze pagina is er niet" in gone.text) == (404, True)


async def test_who_asks_too_much_hears_when_to_come_again_and_the_page_says_it_too() -> None:
    few = {**LIMITS, VISITOR: RateLimitItemPerMinute(2, namespace=VISITOR)}
    async with rooms(rates=Rates(limits=few)) as house:
        del house.client.headers["authorization"]
        answers = [await house.client.get("/contact/", headers={"accept": "text/html"}) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert "erg druk" in answers[-1].text
        assert int(answers[-1].headers["retry-after"]) > 0


async def test_nul_and_other_signs_that_nobody_types_do_no_harm(visitor: Visitor) -> None:
    assert (await visitor.send(question="a\x00b\x1bc\r\nd")).status_code == 200
    assert [fact["text"] for fact in await kept(visitor)] == ["a b c\nd"]


class Broken(MemoryStore):
    """A log that cannot be reached."""

    async def append(self, facts: Any) -> None:
        raise Unavailable("the disk is full")


async def test_while_nothing_can_be_kept_nothing_is_confirmed_and_the_words_stay(
    capsys: pytest.CaptureFixture[str],
) -> None:
    hand = Hand()
    async with rooms(Broken(Disk(), hand), clock=hand) as house:
        visitor = Visitor(house, hand)
        form = await visitor.form()
        body = urlencode(ASKED | {"form": form})
        answer = await house.client.post("/contact/", content=body, headers=FORM)
        assert "maar één keer aan" in wrongs(answer, 503)[0]
        assert ASKED["question"] in answer.text
        assert form in answer.text, "so that the next try is the same contact"
    assert "Example.nl" not in "".join(capsys.readouterr())


async def test_nothing_is_set_in_a_browser_and_no_script_runs(visitor: Visitor) -> None:
    page = await visitor.house.client.get("/contact/")
    assert "set-cookie" not in page.headers
    assert "<script" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert (await visitor.house.client.get("/assets/resident.css")).status_code == 200
    assert (await visitor.house.client.get("/contact")).headers["location"] == "/contact/"
    assert "14 020" in page.text


@pytest.mark.parametrize(
    ("on", "days", "by"),
    [
        ("2026-11-23", 2, "2026-11-25"),
        ("2026-11-27", 1, "2026-11-30"),
        ("2026-11-28", 1, "2026-11-30"),
        ("2026-12-24", 2, "2026-12-29"),  # Two days of Christmas, of which one is a Saturday, and a weekend.
        ("2027-04-26", 1, "2027-04-28"),  # The King's birthday.
    ],
)
def test_the_day_that_is_promised_counts_working_days_only(on: str, days: int, by: str) -> None:
    assert answered_by(date.fromisoformat(on), days) == date.fromisoformat(by)
