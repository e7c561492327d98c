"""The resident's own pages in a real browser: on a telephone first, without a script, in Dutch and in English."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from channels.link import APPOINTMENT, OPINION, PARTY, UNSUBSCRIBE, Links
from draad.keys import keys_of
from draad.settings import Settings
from engine.engine import open_engine
from schemas.event import derived, fact
from schemas.opinion import OpinionWanted
from tests.chromium import fit, opened, press
from tests.running import Running, running
from tests.story.town import eventually

SITE: Final = """
[branches.main]
title = "Stadskantoor aan de Grote Markt"

[notify]
organisation = "Gemeente Voorbeeld"
phone = "14 020"

[opinion]
sensitive = ["bijstand"]

[notify.statuses.passport.ready]
title = "klaar om op te halen"
says = "Uw paspoort ligt klaar."
next = "Maak een afspraak om het op te halen."

[notify.statuses.permit.granted]
title = "u krijgt de vergunning"
says = "U mag de dakkapel bouwen zoals u hem tekende."
next = "Wacht nog zes weken met bouwen: zo lang kan iemand bezwaar maken."
"""
LONG: Final = "Omgevingsvergunning voor een dakkapel met kozijnvervangingswerkzaamheden aan de achterzijde"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("resident")


ASKED: Final = derived("a question")


async def asked(log: str) -> None:
    """Somebody was helped, and is to be asked what they think: an hour later, in a house that runs."""
    now = datetime.now(UTC)
    one = OpinionWanted(
        at=now, opinion_id=ASKED, party_id="p1", about="contact/c1", channel="phone", happened_at=now
    )  # fmt: skip
    async with open_engine(log) as engine:
        await engine.append(fact(one, key="o1"))


@pytest.fixture(scope="module")
def house(folder: Path) -> Iterator[Running]:
    (folder / "site.toml").write_text(SITE)
    keys_of(Settings(log=f"sqlite:///{folder / 'draad.db'}"), facts=False)
    with ThreadPoolExecutor(1) as elsewhere:  # The browser's loop runs in this thread.
        elsewhere.submit(asyncio.run, asked(f"sqlite:///{folder / 'draad.db'}")).result()
    with running(folder / "draad.db", DRAAD_SITE=str(folder / "site.toml")) as there:
        yield there


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """A telephone that runs no scripts."""
    with opened(browser) as page:
        page.set_viewport_size({"width": 360, "height": 740})
        yield page


def says(house: Running, path: str, **body: Any) -> dict[str, Any]:
    key = f"{path} {sorted(body.items())}".encode().hex()[-180:]
    answer = house.client.post(f"/v1/{path}", json=body, headers={"Idempotency-Key": key})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def link(house: Running, folder: Path, kind: str, name: str) -> str:
    keys = keys_of(Settings(log=f"sqlite:///{folder / 'draad.db'}"), facts=True)
    return Links(keys.links, house.address).to(kind, name, datetime.now(UTC))


def books(house: Running, reference: str, days: int, **more: Any) -> str:
    starts = (datetime.now(UTC) + timedelta(days=days)).replace(hour=9, minute=30)
    said = {"reference": reference, "product": "passport", "starts_at": starts.isoformat(), "code": "BK417"} | more
    return str(says(house, "appointments", **said)["appointment_id"])


def there(page: Page, at: str) -> None:
    """Open it, once the desk has heard of it too."""
    eventually(lambda: httpx.get(at, trust_env=False).status_code == 200)
    page.goto(at)


def party(house: Running, name: str) -> str:
    who = str(says(house, "parties", name=name)["party_id"])
    says(house, f"parties/{who}/addresses", address={"kind": "email", "value": f"{name}@mail.example"})
    return who


def test_an_appointment_is_confirmed_with_a_thumb_and_cancelled_after_a_second_thought(
    phone: Page, house: Running, folder: Path
) -> None:
    at = link(house, folder, APPOINTMENT, books(house, "jcc-1", 9))
    there(phone, at)
    expect(phone.get_by_role("heading", level=1)).to_have_text("Uw afspraak")
    fit(phone, "resident-appointment")
    phone.get_by_role("button", name="Ja, ik kom").click()
    expect(phone.get_by_role("status")).to_contain_text("Wij weten dat u komt.")
    fit(phone, "resident-appointment-confirmed")
    with phone.expect_download() as download:
        phone.get_by_role("link", name="Zet in uw agenda").click()
    assert download.value.suggested_filename == "afspraak.ics"
    phone.get_by_role("link", name="Afspraak verzetten").click()
    fit(phone, "resident-move")
    phone.get_by_role("button", name="Verstuur").click()
    expect(phone.get_by_role("alert")).to_contain_text("Schrijf eerst iets op")
    fit(phone, "resident-move-wrong")
    phone.get_by_label("Wanneer kunt u wel?").fill("Liever op vrijdag, na 14 uur.\nOf de week erna.")
    phone.get_by_role("button", name="Verstuur").click()
    expect(phone.get_by_role("status")).to_contain_text("Wij zoeken een andere tijd")
    fit(phone, "resident-moved")
    phone.get_by_role("link", name="Uw afspraak").click()
    phone.get_by_role("link", name="Afspraak afzeggen").click()
    fit(phone, "resident-cancel")
    phone.get_by_role("link", name="Nee, ik wil wel komen").click()
    phone.get_by_role("link", name="Afspraak afzeggen").click()
    phone.get_by_role("button", name="Ja, zeg mijn afspraak af").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Uw afspraak gaat niet door")
    expect(phone.get_by_role("button")).to_have_count(0)
    fit(phone, "resident-appointment-cancelled")
    phone.get_by_role("link", name="English").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Your appointment is cancelled")
    phone.goto(f"{at[:-3]}AAA")
    expect(phone.get_by_role("heading", level=1)).to_have_text("Dit lukt niet")
    fit(phone, "resident-gone")


def test_another_hour_is_chosen_with_a_thumb_and_who_is_too_late_reads_so(
    phone: Page, page: Page, house: Running, folder: Path
) -> None:
    first, second = (
        link(house, folder, APPOINTMENT, books(house, name, 9, product="licence")) for name in ("jcc-7", "jcc-8")
    )
    for days in (10, 11, 14):
        day = (datetime.now(UTC) + timedelta(days=days)).date()
        hours = [
            {"starts_local": f"{day}T{hour:02}:{minute}"} for hour in range(9, 12) for minute in ("00", "20", "40")
        ]
        says(house, "appointments/hours", product="licence", day=f"{day}", hours=hours)
    there(phone, first)
    eventually(lambda: "tijden vrij" in httpx.get(f"{first}/move", trust_env=False).text)
    phone.get_by_role("link", name="Afspraak verzetten").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Kies een andere tijd")
    expect(phone.get_by_role("radio")).to_have_count(9)  # Of the first day; the others are closed.
    fit(phone, "resident-hours")
    phone.get_by_role("button", name="Verzet mijn afspraak").click()
    expect(phone.get_by_role("alert")).to_contain_text("Kies een tijd")
    fit(phone, "resident-hours-wrong")
    phone.get_by_role("link", name="Kies een tijd").click()
    expect(phone.get_by_role("radio").first).to_be_focused()
    press(phone, "ArrowDown", "ArrowDown")
    expect(phone.get_by_role("radio").nth(2)).to_be_checked()
    phone.get_by_role("button", name="Verzet mijn afspraak").click()
    expect(phone.get_by_role("status")).to_contain_text("Uw afspraak is verzet")
    expect(phone.get_by_text("om 09:40 uur")).to_be_visible()
    fit(phone, "resident-hours-chosen")
    there(page, f"{second}/move?lang=en")
    page.get_by_role("radio", name="10:00").check()
    phone.goto(f"{first}/move")
    phone.get_by_role("radio", name="10:00").check()
    phone.get_by_role("button", name="Verzet mijn afspraak").click()
    expect(phone.get_by_text("om 10:00 uur")).to_be_visible()
    page.get_by_role("button", name="Move my appointment").click()
    expect(page.get_by_role("alert")).to_contain_text("This time is no longer free.")
    expect(page.get_by_role("radio", name="09:40")).to_have_count(1)  # Which the first left again.
    expect(page.get_by_role("radio", name="10:00")).to_have_count(0)
    fit(page, "resident-hours-gone")


def test_all_their_cases_are_read_as_stories_and_asked_about_and_they_choose_how_to_hear(
    phone: Page, house: Running, folder: Path
) -> None:
    who = party(house, "joelle")
    passport = says(house, "cases", party_id=who, kind="passport", title="Paspoort aanvragen")["case_id"]
    permit = says(house, "cases", party_id=who, kind="permit", title=LONG)["case_id"]
    due = (datetime.now(UTC) + timedelta(days=20)).isoformat()
    says(house, f"cases/{passport}/due", due=due)
    says(house, f"cases/{passport}/status", status="ready")
    says(house, f"cases/{permit}/status", status="in-behandeling")
    says(house, f"cases/{permit}/close", outcome="granted")
    books(house, "jcc-2", 5, party_id=who)
    at = link(house, folder, PARTY, who)
    there(phone, at)
    expect(phone.get_by_role("region", name="Paspoort aanvragen")).to_contain_text("klaar om op te halen")
    expect(phone.get_by_role("region", name=LONG)).to_contain_text("u krijgt de vergunning")
    phone.locator("summary").first.click()
    expect(phone.get_by_text("Nieuwe status: klaar om op te halen")).to_be_visible()
    fit(phone, "resident-cases")
    phone.get_by_role("link", name="Stel een vraag over een zaak").click()
    phone.get_by_label("Wat is uw vraag?").fill("Wanneer kan ik mijn paspoort ophalen?")
    phone.get_by_role("button", name="Verstuur").click()
    expect(phone.get_by_role("alert")).to_contain_text("Kies over welke zaak uw vraag gaat")
    fit(phone, "resident-ask-wrong")
    phone.get_by_label("Paspoort aanvragen").check()
    phone.get_by_role("button", name="Verstuur").click()
    expect(phone.get_by_role("status")).to_contain_text("Wij hebben uw vraag")
    fit(phone, "resident-asked")
    phone.get_by_role("link", name="Mijn zaken").click()
    phone.get_by_role("link", name="Kies hoe u van ons hoort").click()
    fit(phone, "resident-preferences")
    phone.get_by_label("Per sms").check()
    phone.get_by_label("Voortgang").select_option(label="Niet")
    phone.get_by_label("English").check()
    phone.get_by_role("button", name="Bewaar").click()
    expect(phone.get_by_role("status")).to_contain_text("We saved your choice")
    fit(phone, "resident-preferences-saved")
    phone.goto(at)
    expect(phone.get_by_text("You chose text messages.")).to_be_visible()
    expect(phone.get_by_text("Progress: not at all. You chose so.")).to_be_visible()
    fit(phone, "resident-cases-english")
    phone.goto(f"{link(house, folder, f'{UNSUBSCRIBE}/reminders', who)}?lang=nl")
    fit(phone, "resident-unsubscribe")
    phone.get_by_role("button", name="Stuur mij dit niet meer").click()
    expect(phone.get_by_role("status")).to_contain_text("Wij hebben uw keuze bewaard")
    fit(phone, "resident-unsubscribed")


def test_it_is_worked_with_a_keyboard_alone(page: Page, house: Running, folder: Path) -> None:
    there(page, link(house, folder, APPOINTMENT, books(house, "jcc-3", 7)))
    press(page, "Tab", "Enter", "Tab")
    expect(page.get_by_role("button", name="Ja, ik kom")).to_be_focused()
    press(page, "Enter")
    expect(page.get_by_role("status")).to_contain_text("Wij weten dat u komt.")


def test_whoever_has_nothing_with_us_reads_so(page: Page, house: Running, folder: Path) -> None:
    there(page, link(house, folder, PARTY, party(house, "nieuw")))
    expect(page.get_by_text("U hebt geen zaken bij ons.")).to_be_visible()
    fit(page, "resident-nothing")


def test_what_they_think_is_said_in_two_taps_and_may_be_mended(phone: Page, house: Running, folder: Path) -> None:
    at = link(house, folder, OPINION, ASKED)
    there(phone, at)
    expect(phone.get_by_role("heading", level=1)).to_have_text("Wat vindt u van onze hulp?")
    fit(phone, "resident-opinion")
    phone.get_by_role("button", name="Verstuur mijn antwoord").click()
    expect(phone.get_by_role("alert")).to_contain_text("Kies een cijfer van 1 tot en met 10")
    fit(phone, "resident-opinion-wrong")
    phone.get_by_role("radio", name="8", exact=True).check()
    phone.get_by_role("button", name="Verstuur mijn antwoord").click()
    expect(phone.get_by_role("status")).to_contain_text("U gaf ons een 8.")
    fit(phone, "resident-opinion-thanks")
    phone.get_by_role("link", name="Verander mijn antwoord").click()
    expect(phone.get_by_role("radio", name="8", exact=True)).to_be_checked()
    phone.get_by_role("radio", name="8", exact=True).focus()
    press(phone, "ArrowRight", "Tab")
    phone.keyboard.type("Een aardige collega, maar ik moest lang wachten.")
    press(phone, "Tab", "Enter")
    expect(phone.get_by_role("status")).to_contain_text("U gaf ons een 9.")
    phone.get_by_role("link", name="English").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("What do you think of our help?")
    phone.get_by_role("button", name="Do not ask me this again").click()
    expect(phone.get_by_role("status")).to_contain_text("We will not ask you this again")
    fit(phone, "resident-opinion-declined")
