"""The desk in a real browser: worked with a keyboard alone, live for everybody, and nothing that was typed is lost."""

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from draad.keys import keys_of
from draad.settings import Settings
from engine.engine import open_engine, utc_now
from schemas.event import fact
from schemas.quarantine import QuarantineEntered
from services.desk.door import AGENT, LEAD, Door
from services.desk.entrance import COOKIE
from tests.chromium import fit, opened, press
from tests.desk import arrives, enter, mailed, state, visit
from tests.running import Running, aside, running


@pytest.fixture
def other(browser: Browser) -> Iterator[Page]:
    with opened(browser) as page:
        yield page


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "draad.db"


def test_ring_answer_note_call_back_done_with_the_keyboard_alone(page: Page, log: Path) -> None:
    with running(log) as house:
        enter(page, house)
        expect(page.get_by_role("heading", name="Niets te doen")).to_be_visible()
        fit(page, "desk-empty")
        arrives(house, "phone", "phone", "0612345678", "")
        expect(page.locator(".job--ring")).to_contain_text("gaat over")
        expect(page.locator("#nieuws")).to_contain_text("De telefoon gaat over")
        fit(page, "desk-ring")
        press(page, "g")
        expect(page.get_by_role("heading", level=1)).to_contain_text("+31612345678")
        state(page, "live")
        fit(page, "desk-ringing-thread")
        press(page, "a")
        expect(page.locator(".entry__title", has_text="Opgenomen")).to_be_visible()
        expect(page.locator(".ring")).to_have_count(0)
        press(page, "n")
        page.keyboard.type("Vraag over een paspoort")
        press(page, "Control+Enter")
        expect(page.locator(".entry--note")).to_contain_text("Vraag over een paspoort")
        press(page, "Escape", "t")
        page.keyboard.type("Bel terug over het paspoort")
        press(page, "Control+Enter")
        expect(page.locator("#taken")).to_contain_text("Bel terug over het paspoort")
        fit(page, "desk-thread-with-task")
        page.goto(f"{house.address}/tasks")
        state(page, "live")
        fit(page, "desk-tasks")
        press(page, "j", "2")
        expect(page.locator("#open-lijst")).to_contain_text("1 keer geprobeerd")
        press(page, "j", "1")
        expect(page.locator("#open-lijst")).to_contain_text("2 keer geprobeerd")
        press(page, "j", "3")
        expect(page.locator("#klaar-lijst")).to_contain_text("Bel terug over het paspoort")
        expect(page.locator("#open-leeg")).to_be_visible()
        press(page, "j", "j", "5")
        expect(page.locator("#open-lijst")).to_contain_text("Bel terug over het paspoort")


def test_an_answer_is_written_once_though_the_page_and_the_server_are_started_anew(page: Page, log: Path) -> None:
    with running(log) as house:
        port = house.port
        enter(page, house)
        arrives(house, "email", "email", "jan@example.nl", "Wanneer is mijn paspoort klaar?")
        arrives(house, "chat", "chat", "c0ffee", "Bent u open?", hours=0.1)
        expect(page.locator(".job")).to_have_count(2)
        page.locator(".job__link", has_text="E-mail").click()
        state(page, "live")
        fit(page, "desk-mail-thread")
        press(page, "r")
        page.keyboard.type("Morgen kunt u het ophalen.")
        page.reload()
        expect(page.locator("#tekst")).to_have_value("Morgen kunt u het ophalen.")
        house.kill()
        state(page, "lost")
        page.locator("#tekst").press("End")
        page.keyboard.type(" Neem uw oude paspoort mee.")
        press(page, "Control+Enter")
        expect(page.locator("#antwoord .said")).to_contain_text("Nog niet bewaard")
        fit(page, "desk-lost")
    with running(log, port=port) as house:
        answer = page.locator(".entry--done .entry__text")
        expect(answer).to_have_text("Morgen kunt u het ophalen. Neem uw oude paspoort mee.")
        state(page, "live")
        expect(page.locator("#tekst")).to_have_value("")
        expect(page.locator(".chip", has_text="mislukt: dit kanaal is hier niet ingesteld")).to_be_visible()
        page.reload()
        expect(answer).to_have_count(1)
        expect(page.locator("#tekst")).to_have_value("")
        expect(page.locator(".job", has_text="E-mail")).to_contain_text("ons antwoord kwam niet aan")


def test_two_agents_see_what_the_other_does_and_nothing_moves_under_what_is_typed(
    page: Page, other: Page, log: Path
) -> None:
    with running(log) as house:
        for n in range(12):
            sent = arrives(house, "chat", "chat", "c0ffee", f"Vraag {n:03} " + "over iets langs. " * 12, hours=20 - n)
        path = f"{house.address}/threads/address/{sent['address_id']}"
        enter(page, house)
        enter(other, house, house.address + "/open/" + link_of(log))
        for one in (page, other):
            one.goto(path)
            state(one, "live")
        page.locator("#tekst").fill("Ik ben nog bezig")
        other.locator("#tekst").fill("Ik antwoord al")
        press(other, "Control+Enter")
        expect(page.locator(".entry--done")).to_contain_text("Ik antwoord al")
        expect(page.locator("#tekst")).to_have_value("Ik ben nog bezig")
        expect(page.locator("#tekst")).to_be_focused()
        last = page.get_by_text("Vraag 000")
        last.scroll_into_view_if_needed()
        place = last.bounding_box()
        arrives(house, "chat", "chat", "c0ffee", "En nog iets heel nieuws")
        expect(page.get_by_text("En nog iets heel nieuws")).to_have_count(1)
        expect(page.get_by_role("button", name=re.compile("1 nieuw"))).to_be_visible()
        after = last.bounding_box()
        assert place
        assert after
        assert abs(place["y"] - after["y"]) < 3
        fit(page, "desk-long-thread")


def comes_as(page: Page, house: Running, log: Path, agent: str, role: str) -> None:
    """As somebody whom the provider of accounts vouched for."""
    door = Door(keys_of(Settings(log=f"sqlite:///{log}"), facts=True).door, utc_now)
    page.context.add_cookies([{"name": COOKIE, "value": door.admit(agent, role), "url": house.address}])


def test_two_agents_see_each_other_and_no_two_answer_the_same(page: Page, other: Page, log: Path) -> None:
    with running(log) as house:
        path = f"/threads/address/{arrives(house, 'chat', 'chat', 'c0ffee', 'Bent u open?')['address_id']}"
        comes_as(page, house, log, "anna", AGENT)
        comes_as(other, house, log, "lea", LEAD)
        for one in (page, other):
            visit(one, house, path)
        expect(page.locator("#wie-hier")).to_have_text("lea kijkt hier ook.")
        page.locator("#tekst").fill("Wij zijn open")
        expect(other.locator("#wie-hier")).to_have_text("anna schrijft een antwoord.")
        fit(other, "desk-together")
        other.locator("#tekst").fill("Ja, tot vijf uur")
        press(other, "Control+Enter")
        expect(page.locator(".entry--done")).to_contain_text("Ja, tot vijf uur")
        press(page, "Control+Enter")
        expect(page.locator("#antwoord .said")).to_contain_text("Een collega antwoordde intussen")
        expect(page.locator("#tekst")).to_have_value("Wij zijn open")
        fit(page, "desk-overtaken")
        press(page, "Control+Enter")
        expect(page.locator(".entry--done")).to_have_count(2)
        other.close()
        expect(page.locator("#wie-hier")).to_be_hidden()
        press(page, "Escape", "s")
        expect(page.locator(".entry__title", has_text="Gesprek afgesloten")).to_be_visible()
        expect(page.locator("#acties")).to_have_count(0)


def test_a_team_lead_sees_who_looked_and_an_agent_does_not(page: Page, other: Page, log: Path) -> None:
    with running(log) as house:
        path = f"/threads/address/{arrives(house, 'email', 'email', 'jan@example.nl', 'Hallo')['address_id']}"
        comes_as(page, house, log, "anna", AGENT)
        comes_as(other, house, log, "lea", LEAD)
        visit(page, house, path)
        page.goto(f"{house.address}/looked")
        expect(page.get_by_role("heading", level=1)).to_have_text("Dit mag u niet zien")
        visit(other, house, path)
        other.get_by_role("link", name="Wie keek naar dit verhaal?").click()
        lines = other.locator(".line")  # One an hour of each who looked.
        expect(lines.filter(has_text="anna opende Afzender")).not_to_have_count(0)
        expect(lines.filter(has_text="lea opende Afzender")).not_to_have_count(0)
        fit(other, "desk-looked")
        other.get_by_role("link", name="anna").first.click()
        expect(lines.filter(has_text="lea opende")).to_have_count(0)
        expect(lines.filter(has_text="anna opende")).not_to_have_count(0)
        other.get_by_role("link", name="Toon alles").click()
        expect(lines.filter(has_text="lea opende")).not_to_have_count(0)
        assert "jan@example.nl" not in other.content()


def test_who_it_probably_is_is_offered_and_confirmed_with_one_key(page: Page, log: Path) -> None:
    with running(log) as house:
        enter(page, house)
        sent = arrives(house, "phone", "phone", "0612345678", "Hallo")
        for name in ("Jan de Vries", "Piet de Vries"):
            party = house.client.post("/v1/parties", json={"name": name}, headers={"Idempotency-Key": name[:3]}).json()
            link = {"address": {"kind": "phone", "value": "0612345678"}, "certainty": "proposed"}
            path = f"/v1/parties/{party['party_id']}/addresses"
            assert house.client.post(path, json=link, headers={"Idempotency-Key": "a"}).status_code == 201
        visit(page, house, f"/threads/address/{sent['address_id']}")
        expect(page.locator("#wie .chip--maybe")).to_have_count(2)
        fit(page, "desk-candidates")
        visit(page, house, f"/threads/party/{party['party_id']}")
        expect(page.locator(".entry--maybe .chip--maybe").first).to_have_text("misschien van deze inwoner")
        fit(page, "desk-maybe")
        page.locator(".entry--maybe [data-row]", has_text="Hallo").focus()
        press(page, "1")
        expect(page.locator(".entry--maybe", has_text="Hallo")).to_have_count(0)
        expect(page.locator("#verhaal")).to_contain_text("Hallo")
        visit(page, house, f"/threads/address/{sent['address_id']}")
        press(page, "1")
        expect(page.locator("#wie .chip--done")).to_have_count(1)


def test_who_it_is_is_told_merged_and_taken_apart_again(page: Page, log: Path) -> None:
    with running(log) as house:
        enter(page, house)
        for value, name in (("0612345678", "Jan de Vries"), ("0687654321", "J. de Vries")):
            sent = arrives(house, "phone", "phone", value, f"Hallo van {value}")
            page.goto(f"{house.address}/threads/address/{sent['address_id']}")
            state(page, "live")
            expect(page.locator("#verhaal")).to_contain_text(f"Hallo van {value}")
            press(page, "i")
            page.keyboard.type(name)
            press(page, "Enter")
            expect(page.locator("#wie .chip--done")).to_be_visible()
            expect(page.locator("#wie")).to_contain_text(name)
        page.goto(f"{house.address}/")
        expect(page.locator(".job__names").first).to_contain_text("J… d… V…")
        assert "Jan de Vries" not in page.content()
        fit(page, "desk-board")
        press(page, "/")
        page.keyboard.type("jan de")
        press(page, "Enter")
        page.get_by_role("link", name="Jan de Vries").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Jan de Vries")
        expect(page.locator("#verhaal")).not_to_contain_text("0687654321")
        page.get_by_label("Samenvoegen met").fill("vries")
        press(page, "Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Samenvoegen met")
        state(page, "live")
        fit(page, "desk-search")
        page.get_by_role("button", name=re.compile("Voeg samen")).first.click()
        expect(page.locator("#verhaal")).to_contain_text("Hallo van 0687654321")
        expect(page.locator("#verhaal")).to_contain_text("Hallo van 0612345678")
        state(page, "live")
        fit(page, "desk-party")
        page.get_by_role("button", name="Haal uit elkaar").click()
        expect(page.locator("#verhaal")).not_to_contain_text("Hallo van 0687654321")
        expect(page.locator("#verhaal")).to_contain_text("Hallo van 0612345678")
        assert "Vries" not in page.url


def test_a_case_is_opened_and_a_contact_is_put_with_it(page: Page, log: Path) -> None:
    with running(log) as house:
        enter(page, house)
        mailed(page, house, "Er ligt een boom op de weg.")
        press(page, "l")
        page.keyboard.type("Boom op de weg")
        press(page, "Control+Enter")
        link = page.locator("#zaken").get_by_role("link", name="Boom op de weg")
        expect(link).to_be_visible()
        link.click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Boom op de weg")
        expect(page.locator("#verhaal")).to_contain_text("Er ligt een boom op de weg.")
        state(page, "live")
        fit(page, "desk-case")
        page.locator("body").click()
        press(page, "l")
        page.locator("#zaak-titel").fill("Schade aan de auto")
        press(page, "Control+Enter")
        page.locator("#zaken").get_by_role("link", name="Schade aan de auto").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Schade aan de auto")
        main = page.locator("#zaken li", has=page.get_by_role("link", name="Boom op de weg"))
        expect(main).not_to_contain_text("deelzaak")
        expect(page.locator("#zaken li", has=page.get_by_role("link", name="Schade"))).to_contain_text("deelzaak")
        main.get_by_role("link").click()
        expect(page.locator("#verhaal")).to_contain_text("Deelzaak geopend")


def test_a_contact_is_about_a_tree_that_is_found_again_by_its_name(page: Page, log: Path) -> None:
    with running(log) as house:
        enter(page, house)
        thread = mailed(page, house, "De boom staat scheef.")
        press(page, "o")
        page.locator("#object-naam").fill("4711")
        press(page, "Control+Enter")
        link = page.locator("#objecten").get_by_role("link", name="Boom 4711")
        expect(link).to_be_visible()
        expect(page.locator("#verhaal")).to_contain_text("Gaat over: boom")
        fit(page, "desk-tied")
        page.goto(f"{house.address}/")
        press(page, "/")
        page.keyboard.type("4711")
        press(page, "Enter")
        page.get_by_role("link", name="Boom 4711").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Boom 4711")
        expect(page.locator("#verhaal")).to_contain_text("De boom staat scheef.")
        assert "4711" not in page.url
        state(page, "live")
        fit(page, "desk-object")
        page.goto(thread)
        page.locator("#objecten").get_by_role("button", name="Toch niet").click()
        expect(page.locator("#objecten")).not_to_contain_text("4711")
        expect(page.locator("#verhaal")).to_contain_text("Gaat toch niet over een object")


def test_a_call_and_a_visit_are_registered_in_a_few_keystrokes(page: Page, log: Path) -> None:
    with running(log) as house:
        enter(page, house)
        for key, channel in (("c", "Telefoon"), ("b", "Balie")):
            page.goto(f"{house.address}/")
            state(page, "live")
            press(page, key)
            expect(page.locator("#waarover")).to_be_focused()
            fit(page, f"desk-register-{key}")
            page.locator("#waarover").focus()
            page.keyboard.type(f"Vraag over afval ({channel})")
            press(page, "Tab")
            page.keyboard.type("06 1234 5678")
            press(page, "Control+Enter")
            expect(page.get_by_role("heading", level=1)).to_have_text("+31612345678")
            expect(page.locator(".entry--note").first).to_contain_text(f"Vraag over afval ({channel})")
            expect(page.locator(".entry__title", has_text=channel)).to_have_count(1)
        page.goto(f"{house.address}/")
        expect(page.get_by_role("heading", name="Niets te doen")).to_be_visible()


def test_the_counter_has_one_key_for_each_thing_that_happens(page: Page, log: Path) -> None:
    with running(log) as house:
        enter(page, house)
        page.goto(f"{house.address}/counter")
        state(page, "live")
        expect(page.get_by_role("heading", name="Vandaag nog niemand")).to_be_visible()
        fit(page, "desk-counter-empty")
        press(page, "v", "Control+Enter")
        expect(page.locator("#dag-arrived")).to_contain_text("zonder afspraak")
        starts = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
        body = {"reference": "r1", "product": "passport", "branch": "main", "starts_at": starts}
        answer = house.client.post("/v1/appointments", json=body, headers={"Idempotency-Key": "r1"})
        assert answer.status_code == 201
        expect(page.locator("#dag-booked")).to_contain_text("Paspoort")
        fit(page, "desk-counter")
        booked = page.locator("#dag-booked [data-row]")
        booked.focus()
        press(page, "1")
        expect(page.locator("#dag-arrived [data-row]")).to_have_count(2)
        page.locator("#dag-arrived [data-row]", has_text="Paspoort").focus()
        press(page, "2")
        expect(page.locator("#dag-called")).to_contain_text("Paspoort")
        page.locator("#dag-called [data-row]").focus()
        press(page, "3")
        expect(page.locator("#dag-served")).to_contain_text("Paspoort")


def unreadable(log: Path) -> None:
    """As mail leaves it that nobody could read: a fact, on a log that nobody runs yet."""
    entered = QuarantineEntered(
        at=datetime.now(UTC), item_id="i1", channel="email", cause="unreadable", digest="ab" * 32, size_bytes=9
    )

    async def write() -> None:
        async with open_engine(f"sqlite:///{log}") as engine:
            await engine.append(fact(entered, key="i1"))

    keys_of(Settings(log=f"sqlite:///{log}"), facts=False)
    with ThreadPoolExecutor(1) as beside:  # The browser's own loop runs in this thread.
        beside.submit(asyncio.run, write()).result()


def test_what_nobody_could_read_is_told_when_it_still_cannot_and_is_discarded_with_a_reason(
    page: Page, log: Path
) -> None:
    unreadable(log)
    with running(log) as house:
        enter(page, house)
        expect(page.locator(".group--unread")).to_contain_text("E-mail")
        page.goto(f"{house.address}/quarantine")
        state(page, "live")
        fit(page, "desk-quarantine")
        press(page, "j", "1")
        expect(page.locator("#nieuws")).to_contain_text("Dit kon niet worden bewaard")
        press(page, "2")
        page.get_by_label("Waarom mag dit weg?").fill("Reclame")
        press(page, "Enter")
        expect(page.locator("#onleesbaar-leeg")).to_be_visible()
        fit(page, "desk-quarantine-empty")


def link_of(log: Path) -> str:
    return aside(log, "link").stdout.strip().rpartition("/")[2]
