"""All that is theirs: told as stories, asked about, and of nobody else."""

import asyncio
import re
from datetime import timedelta
from html import unescape
from typing import Any, Final
from urllib.parse import urlencode

import pytest

from channels.bsn import MASK
from schemas.case import CaseSuspended
from schemas.contact import ContactAnswered, ContactFiled, ContactReceived
from schemas.notification import NotificationBounced, NotificationRequested, NotificationSent
from schemas.party import PartyMerged
from services.resident.asked import TEXT_CHARS_MAX
from tests.rooms import NOW, TOKEN
from tests.services.resident.town import (
    BROWSER,
    BSN,
    FORM,
    STARTS,
    Town,
    hidden,
)


async def test_each_case_is_told_as_a_story_in_the_words_of_the_municipality(town: Town) -> None:
    party = await town.party()
    case = await town.case(party)
    path = town.link("m", party)
    assert "Wij zijn ermee bezig." in await town.opens(path)
    await town.says(f"cases/{case}/due", due=(NOW + timedelta(days=14)).isoformat())
    await town.says(f"cases/{case}/status", status="ready")
    await town.says(f"cases/{case}/status", status="inside")
    said = await town.opens(path)
    assert "Hoe staat het ervoor? klaar om op te halen Uw paspoort ligt klaar." in said
    assert "Wat gebeurt er nu? Kom het ophalen. Wij willen uiterlijk op 7 december 2026 klaar zijn." in said
    assert "23 november 2026 Nieuwe status: klaar om op te halen" in said
    assert "inside" not in said
    town.hand.now += timedelta(days=15)
    path = town.link("m", party)
    assert "Dat is niet gelukt." in await town.opens(path)
    await town.tells(CaseSuspended(at=town.hand.now, case_id=case, reason="documents"))
    said = await town.opens(path)
    assert "Daarom staat de tijd nu stil." in said
    assert "documents" not in said
    await town.says(f"cases/{case}/close", outcome="granted")
    assert "De uitkomst u krijgt hem" in await town.opens(path)
    await town.says(f"cases/{case}/reopen")
    assert "Hoe staat het ervoor? klaar om op te halen" in await town.opens(path)


async def test_what_was_sent_is_told_with_its_road_and_day_and_that_it_did_not_arrive(town: Town) -> None:
    party = await town.party()
    case = await town.case(party)
    on: dict[str, Any] = {"at": NOW, "notification_id": "n1"}
    await town.tells(
        NotificationRequested(**on, party_id=party, about=f"case/{case}", template="case-status"),
        NotificationSent(**on, channel="email", address_id="x", reference="r"),
    )
    said = await town.opens(town.link("m", party))
    assert said.count("Wij stuurden u een bericht per mail: er is nieuws") == 2
    assert "er is nieuws (Paspoort aanvragen)" in said
    await town.tells(
        NotificationBounced(**on, channel="email", reason="no-such-address"),
        NotificationSent(**on, channel="sms", address_id="y", reference="r"),
    )
    said = await town.opens(town.link("m", party))
    assert "Ons bericht per mail kwam niet aan: er is nieuws" in said
    assert "Wij stuurden u een bericht per sms: er is nieuws" in said


async def test_appointments_to_come_lead_to_their_own_pages(town: Town) -> None:
    party = await town.party()
    await town.books(party_id=party)
    await town.books("jcc-2", STARTS + timedelta(days=1), party_id=party)
    await town.says("appointments/cancellations", reference="jcc-2", by="party")
    answer = await town.house.client.get(town.link("m", party), headers=BROWSER)
    [path] = re.findall(r'href="(/a/[^"]+)"', answer.text)
    assert "donderdag 3 december" in await town.opens(unescape(path))
    assert "vrijdag 4 december" not in answer.text


async def test_a_question_is_a_contact_of_theirs_in_that_case_and_waits_at_the_desk(town: Town) -> None:
    party = await town.party()
    case = await town.case(party)
    path = town.link("m", party)
    page = (await town.house.client.get(f"{path}/ask", headers=BROWSER)).text
    fields = {"key": hidden(page, "key"), "case": case, "text": "Duurt het nog lang?"}
    sent = [town.house.client.post(f"{path}/ask", content=urlencode(fields), headers=FORM) for _ in range(3)]
    assert {answer.status_code for answer in await asyncio.gather(*sent)} == {200}
    assert "Wij hebben uw vraag" in await town.posts(f"{path}/ask", 200, **fields)
    [contact] = await town.facts("contact.received")
    assert (contact["channel"], contact["kind"], contact["address"]) == ("web", "email", "joelle@mail.example")
    assert (contact["text"], contact["title"]) == ("Duurt het nog lang?", "Vraag over: Paspoort aanvragen")
    assert [(one["party_id"], one["how"]) for one in await town.facts("contact.identified")] == [(party, "link")]
    assert [one["case_id"] for one in await town.facts("contact.filed")] == [case]
    said = await town.opens(path)
    assert "U vroeg of vertelde ons iets op onze website" in said
    assert "Duurt het" not in said
    bearer = {"authorization": f"Bearer {TOKEN}"}
    work = (await town.house.client.get("/v1/work", headers=bearer)).json()["items"]
    assert contact["contact_id"] in {one["contact_id"] for one in work}


async def test_whoever_goes_back_and_asks_something_else_loses_neither(town: Town) -> None:
    party = await town.party()
    case = await town.case(party)
    path, visit = town.link("m", party), town.link("a", await town.books())
    for text in ("Duurt het nog lang?", "En wat kost het?"):
        await town.posts(f"{path}/ask", 200, case=case, text=text, key="a" * 24)
        await town.posts(f"{visit}/move", 200, text=text, key="a" * 24)
    for kind in ("contact.received", "task.opened"):
        assert [one["text"] for one in await town.facts(kind)] == ["Duurt het nog lang?", "En wat kost het?"]
    assert len(await town.facts("contact.filed")) == 2


async def test_what_somebody_else_said_in_their_case_is_not_theirs_to_know(town: Town) -> None:
    party = await town.party()
    case = await town.case(party)
    for n, certainty in enumerate(("certain", "proposed")):
        on: dict[str, Any] = {"at": NOW, "contact_id": f"c{n}", "address_id": "neighbour"}
        await town.tells(
            ContactReceived(**on, channel="email", text="Zij woont daar niet"),
            ContactFiled.model_validate(on | {"case_id": case, "certainty": certainty}),
            ContactAnswered(**on, agent_id="a", channel="email", message_id=f"m{n}", text="Dank u"),
        )
    said = await town.opens(town.link("m", party))
    assert "U vroeg" not in said
    assert "Wij antwoordden" not in said


async def test_a_case_of_somebody_else_cannot_be_asked_about(town: Town) -> None:
    party, other = await town.party(), await town.party("ander@mail.example")
    await town.case(party)
    theirs = await town.case(other, "Geheim")
    said = await town.posts(f"{town.link('m', party)}/ask", 400, case=theirs, text="Wat staat erin?")
    assert "Kies over welke zaak uw vraag gaat" in said
    assert "Geheim" not in said
    assert await town.facts("contact.received") == []


async def test_who_is_reached_nowhere_for_certain_is_led_to_the_form(town: Town) -> None:
    party = await town.party(mail="")
    path = town.link("m", party)
    await town.case(party)
    assert "Naar het formulier" in await town.opens(f"{path}/ask")
    await town.posts(f"{path}/ask", 409, text="Hallo?")
    assert await town.facts("contact.received") == []


WRONG: Final = {
    "nothing": (" \r\n", "Schrijf eerst iets op"),
    "too long": ("x" * (TEXT_CHARS_MAX + 1), "Maak uw tekst korter"),
    "a BSN": (f"Mijn BSN is {BSN}", "op een BSN lijkt"),
}


@pytest.mark.parametrize(("text", "sentence"), WRONG.values(), ids=WRONG)
async def test_what_is_wrong_is_said_and_what_was_written_stays(town: Town, text: str, sentence: str) -> None:
    party = await town.party()
    case = await town.case(party)
    said = await town.posts(f"{town.link('m', party)}/ask", 400, case=case, text=text)
    assert sentence in said
    assert BSN not in said
    assert (MASK in said) == (BSN in text)
    assert await town.facts("contact.received") == []


async def test_how_they_like_to_hear_is_kept_once_and_said_and_holds_for_all_that_is_them(town: Town) -> None:
    party, same = await town.party(), await town.party("joelle@werk.example")
    await town.tells(PartyMerged(at=NOW, party_id=party, merged_id=same))
    path = town.link("m", party)
    assert "U hebt niets gekozen." in await town.opens(path)
    fields = {"key": "b" * 24, "road": "sms", "language": "en"}
    for _ in range(2):
        assert "We saved your choice" in await town.posts(f"{path}/preferences", 200, **fields)
    chosen = await town.facts("party.preference-set")
    assert sorted((one["party_id"], one["channel"], one["language"]) for one in chosen) == sorted(
        (each, "sms", "en") for each in (party, same)
    )
    assert "You chose text messages." in await town.opens(path)
    await town.posts(f"{path}/preferences", 200, key="c" * 24, road="usual", language="nl")
    assert "U hebt niets gekozen." in await town.opens(path)


async def test_for_each_kind_of_message_they_choose_a_road_and_it_is_said_why(town: Town) -> None:
    party = await town.party()
    path = town.link("m", party)
    fields = {"key": "d" * 24, "road": "usual", "language": "nl", "kind-reminders": "off", "kind-cases": "email"}
    for _ in range(2):
        await town.posts(f"{path}/preferences", 200, **fields, **{"kind-progress": "usual"})
    facts = await town.facts("party.kind-preferred")
    assert [(one["kind"], one["channel"], one["how"]) for one in facts] == [
        ("reminders", "off", "page"),
        ("cases", "email", "page"),
    ]
    said = await town.opens(path)
    assert "Herinneringen: niet. Dat koos u." in said
    assert "Uw zaken: per mail. Dat koos u." in said
    await town.posts(f"{path}/preferences", 200, key="e" * 24, road="sms", language="en")  # A page of before.
    assert "Reminders: not at all. You chose so." in await town.opens(path)
    await town.posts(f"{path}/preferences", 200, **fields | {"key": "f" * 24, "kind-reminders": "usual"})
    assert "Herinneringen" not in await town.opens(path)


async def test_a_program_says_it_too_and_hears_what_cannot_be_off(town: Town) -> None:
    party = await town.party()
    await town.says(f"parties/{party}/preference", channel="off", kind="progress")
    [fact] = await town.facts("party.kind-preferred")
    assert (fact["kind"], fact["channel"], fact["how"]) == ("progress", "off", "api")
    headers = {"authorization": f"Bearer {TOKEN}", "Idempotency-Key": "no"}
    for body in ({"channel": "off"}, {"channel": "off", "kind": "cases"}, {"channel": "sms", "kind": "weather"}):
        answer = await town.house.client.post(f"/v1/parties/{party}/preference", json=body, headers=headers)
        assert answer.status_code == 400, answer.text
    assert await town.facts("party.preference-set") == []


MUST: Final = {"road": "sms", "language": "nl", "kind-cases": "off"}


@pytest.mark.parametrize("fields", [{}, {"road": "fax", "language": "nl"}, {"road": "sms", "language": "xx"}, MUST])
async def test_a_choice_that_is_none_is_not_kept(town: Town, fields: dict[str, str]) -> None:
    path = town.link("m", await town.party())
    assert "Kies een van de manieren" in await town.posts(f"{path}/preferences", 400, **fields)
    assert await town.facts("party.preference-set") == []
