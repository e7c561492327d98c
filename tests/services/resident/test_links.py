"""A link opens one thing for whoever holds it, and what acts is posted: looking does nothing."""

import re
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from limits import RateLimitItemPerMinute

from channels.link import HOUR
from draad.rates import LIMITS, VISITOR, Rates
from engine.memory import Disk, MemoryStore
from schemas.errors import Unavailable
from schemas.party import PartyAddressUnlinked, PartyMerged, PartyUnmerged
from services.resident.cases import LIVES
from services.resident.told_words import BY, TOLD
from services.resident.wording import LANGUAGES, WORDS
from tests.rooms import NOW, rooms
from tests.services.resident.town import BROWSER, ELSEWHERE, FORM, LINKS, SEEN, SITE, Hand, Town, hidden, words


async def test_parties_that_are_one_have_one_page_for_as_long_as_they_are(town: Town) -> None:
    party, same = await town.party(), await town.party("joelle@werk.example")
    await town.case(same, "Parkeervergunning")
    path = town.link("m", party)
    assert "Parkeervergunning" not in await town.opens(path)
    await town.tells(PartyMerged(at=NOW, party_id=same, merged_id=party))
    assert "Parkeervergunning" in await town.opens(path)
    await town.tells(PartyUnmerged(at=NOW, party_id=same, merged_id=party))
    assert "Parkeervergunning" not in await town.opens(path)


async def test_one_resident_sees_nothing_of_another_and_no_name_stands_on_a_page(town: Town) -> None:
    party, other = await town.party(), await town.party("ander@mail.example")
    await town.case(party, "Paspoort aanvragen")
    await town.case(other, "Bijzondere bijstand")
    said = await town.opens(town.link("m", party))
    assert "Bijzondere bijstand" not in said
    assert not any(part in said for part in ("Joëlle", "Bakker", "mail.example"))


async def test_a_link_is_good_for_a_year_and_a_month(town: Town) -> None:
    path = town.link("m", await town.party())
    town.hand.now += LIVES - HOUR
    await town.opens(path)
    town.hand.now += 2 * HOUR
    await town.opens(path, 404)


async def test_when_an_address_is_theirs_no_more_the_links_of_before_open_nothing(town: Town) -> None:
    party = await town.party()
    before = town.link("m", party)
    town.hand.now += timedelta(hours=2)
    await town.tells(PartyAddressUnlinked(at=town.hand.now, party_id=party, address_id="x"))
    await town.opens(before, 404)
    town.hand.now += timedelta(hours=1)
    await town.opens(town.link("m", party))


def changed(token: str) -> str:
    return ("B" if token[5] != "B" else "C").join((token[:5], token[6:]))


async def test_a_link_that_opens_nothing_says_the_same_whyever(town: Town) -> None:
    visit, party = await town.books(), await town.party()
    right = town.link("a", visit).rpartition("/")[2], town.link("m", party).rpartition("/")[2]
    nobody = LINKS.token("m", "0c9d1e2f-4b5a-5678-9abc-def012345678", NOW)
    wrong = [
        *(f"/a/{token}" for token in (right[1], changed(right[0]), right[0][:-1], f"{right[0]}A", visit, "x", "%00")),
        *(
            f"/m/{token}"
            for token in (right[0], changed(right[1]), right[1][:-1], nobody, party, "é", "a/b/c", "..%2f")
        ),
        f"/a/{right[0]}/nonsense",
    ]
    answers = [await town.house.client.get(path, headers=BROWSER) for path in wrong]
    assert {answer.status_code for answer in answers} == {404}
    assert {words(answer) for answer in answers} == {words(answers[0])}
    assert "Deze link werkt niet (meer)." in words(answers[0])
    posted = [await town.house.client.post(f"{path}/cancel", content=urlencode(SEEN), headers=FORM) for path in wrong]
    assert {answer.status_code for answer in posted} <= {404, 405}
    assert await town.facts("appointment.cancelled") == []


async def test_no_page_is_kept_told_on_or_found_and_nothing_is_set_in_a_browser(town: Town) -> None:
    party = await town.party()
    visit = town.link("a", await town.books())
    paths = (visit, f"{visit}/cancel", f"{visit}/calendar.ics", town.link("m", party), "/m/nonsense")
    for path in paths:
        answer = await town.house.client.get(path, headers=BROWSER)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-robots-tag"] == "noindex, nofollow"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "set-cookie" not in answer.headers
        assert "<script" not in answer.text
        assert "//" not in re.sub(r"<!doctype html>", "", answer.text) or path.endswith(".ics")
        head = await town.house.client.head(path, headers=BROWSER)
        assert head.status_code == answer.status_code


async def test_no_link_and_no_word_of_theirs_stands_in_a_log(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    party = await town.party()
    case = await town.case(party)
    visit, own = town.link("a", await town.books()), town.link("m", party)
    for path in (visit, f"{visit}/nonsense", own, f"{own}x", f"{own}/ask"):
        await town.house.client.get(path, headers=BROWSER)
    await town.posts(f"{visit}/cancel", 200, **SEEN)
    await town.posts(f"{own}/ask", 200, case=case, text="Wanneer is het klaar?", key="a" * 24)
    logged = "".join(capsys.readouterr())
    assert "/a/{token}" in logged
    for secret in (visit.rpartition("/")[2], own.rpartition("/")[2], "Wanneer", "joelle"):
        assert secret not in logged


async def test_looking_does_nothing(town: Town) -> None:
    party = await town.party()
    await town.case(party)
    visit, own = town.link("a", await town.books(party_id=party)), town.link("m", party)
    before = len(await town.house.engine.read(limit=500))
    for path in ("", "/confirm", "/cancel", "/move", "/calendar.ics", "?hour=x"):
        for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE"):
            await town.house.client.request(method, visit + path, headers=BROWSER)
    for path in ("", "/ask", "/preferences", "/preferences?road=sms&language=en"):
        for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE"):
            await town.house.client.request(method, own + path, headers=BROWSER)
    assert len(await town.house.engine.read(limit=500)) == before


@pytest.mark.parametrize(
    "headers",
    [
        ELSEWHERE,
        {"origin": "https://kwaad.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "null"},
        {"origin": "null", "sec-fetch-site": "cross-site"},
    ],
)
async def test_what_another_site_has_posted_is_not_believed(town: Town, headers: dict[str, str]) -> None:
    party = await town.party()
    await town.case(party)
    visit, own = town.link("a", await town.books()), town.link("m", party)
    before = len(await town.house.engine.read(limit=500))
    for path in (f"{visit}/confirm", f"{visit}/cancel", f"{visit}/move", f"{own}/ask", f"{own}/preferences"):
        said = await town.posts(path, 403, headers, road="sms", language="nl", text="x", **SEEN)
        assert "Wij weten niet zeker of u dit zelf wilde." in said
    assert len(await town.house.engine.read(limit=500)) == before


async def test_a_browser_that_tells_no_referrer_is_believed_from_our_own_page(town: Town) -> None:
    path = town.link("a", await town.books())
    headers = {"origin": "null", "sec-fetch-site": "same-origin"}
    await town.posts(f"{path}/cancel", 200, headers, **SEEN)
    assert len(await town.facts("appointment.cancelled")) == 1


@pytest.mark.parametrize("body", [b"\xff\xfe", b"hour=%ff", b"&" * 100, b"a=1&" * 50])
async def test_a_broken_body_changes_nothing(town: Town, body: bytes) -> None:
    party = await town.party()
    for path in (f"{town.link('a', await town.books())}/move", f"{town.link('m', party)}/preferences"):
        answer = await town.house.client.post(path, content=body, headers=FORM)
        assert answer.status_code == 400
        assert "<html" in answer.text
    assert await town.facts("task.opened") == await town.facts("party.preference-set") == []


async def test_what_no_page_of_ours_gave_an_id_is_not_kept(town: Town) -> None:
    party = await town.party()
    case = await town.case(party)
    visit, own = town.link("a", await town.books()), town.link("m", party)
    before = len(await town.house.engine.read(limit=500))
    for key in ("", "x", "A" * 24, "a" * 25):
        await town.posts(f"{visit}/move", 400, text="Vrijdag", key=key)
        await town.posts(f"{own}/ask", 400, text="Hallo?", case=case, key=key)
        await town.posts(f"{own}/preferences", 400, road="sms", language="nl", key=key)
    assert len(await town.house.engine.read(limit=500)) == before


async def test_a_huge_body_is_turned_away(town: Town) -> None:
    path = town.link("a", await town.books())
    answer = await town.house.client.post(f"{path}/move", content=b"text=" + b"x" * 100_000, headers=FORM)
    assert (answer.status_code, "Dit is te lang." in answer.text) == (413, True)


MARKUP: Final = '<script>alert(1)</script>"><img src=x onerror=y>\n</textarea>{{7*7}}'


async def test_what_anybody_wrote_is_text_wherever_it_is_shown(town: Town) -> None:
    party = await town.party()
    case = await town.case(party, "<script>x</script>{{7*7}}")
    path = town.link("m", party)
    fields = {"case": case, "text": MARKUP, "key": "d" * 24}
    for answer in (
        await town.house.client.get(path, headers=BROWSER),
        await town.house.client.get(f"{path}/ask", headers=BROWSER),
        await town.house.client.post(f"{path}/ask", content=urlencode(fields | {"case": ""}), headers=FORM),
        await town.house.client.post(f"{path}/ask", content=urlencode(fields), headers=FORM),
    ):
        assert "<script" not in answer.text
        assert "<img" not in answer.text
        assert "{{7*7}}" in answer.text
    assert [one["text"] for one in await town.facts("contact.received")] == [MARKUP]


class Broken(MemoryStore):
    """A log that takes nothing more once it is full."""

    full = False

    async def append(self, facts: Any) -> None:
        if self.full:
            raise Unavailable("the disk is full")
        await super().append(facts)


async def test_while_nothing_can_be_kept_nothing_is_confirmed_and_the_words_stay() -> None:
    hand = Hand()
    store = Broken(Disk(), hand)
    async with rooms(store, clock=hand, site=SITE) as house:
        town = Town(house, hand)
        party = await town.party()
        case = await town.case(party)
        visit, own = town.link("a", await town.books()), town.link("m", party)
        store.full = True
        assert "Het lukt nu even niet." in await town.posts(f"{visit}/cancel", 503, **SEEN)
        answers = [
            await house.client.post(
                f"{visit}/move", content=urlencode({"text": "Vrijdag", "key": "e" * 24}), headers=FORM
            ),
            await house.client.post(
                f"{own}/ask", content=urlencode({"text": "Vrijdag", "case": case, "key": "e" * 24}), headers=FORM
            ),
        ]
        for answer in answers:
            assert answer.status_code == 503
            assert "maar één keer aan" in answer.text
            assert "Vrijdag</textarea>" in answer.text
            assert hidden(answer.text, "key") == "e" * 24, "so that the next try is the same"


async def test_who_asks_too_much_hears_when_to_come_again() -> None:
    few = {**LIMITS, VISITOR: RateLimitItemPerMinute(2, namespace=VISITOR)}
    async with rooms(rates=Rates(limits=few), site=SITE) as house:
        del house.client.headers["authorization"]
        answers = [await house.client.get("/m/guess", headers=BROWSER) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [404, 404, 429]
        assert "erg druk" in answers[-1].text


async def test_where_nobody_is_told_anything_no_link_opens_anything() -> None:
    async with rooms() as house:
        del house.client.headers["authorization"]
        answer = await house.client.get(
            f"/m/{LINKS.token('m', '0c9d1e2f-4b5a-5678-9abc-def012345678', NOW)}", headers=BROWSER
        )
        assert (answer.status_code, "Deze pagina is er niet" in answer.text) == (404, True)


def test_each_language_says_the_same() -> None:
    for texts in (WORDS, BY, TOLD):
        assert {language: [*texts[language]] for language in LANGUAGES} == {one: [*texts["nl"]] for one in LANGUAGES}
    fields = {name: re.findall(r"\{\w+\}", text) for name, text in WORDS["nl"].items()}
    assert {name: re.findall(r"\{\w+\}", text) for name, text in WORDS["en"].items()} == fields
