"""One resident's week over all roads: whatever she did stands in one story, once, in the order in which it happened.

All that providers say, they say twice; and in the middle of the week the power fails.
"""

import re
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.chromium import fit, opened
from tests.running import aside
from tests.story.agent import Agent, Entry
from tests.story.town import MAIL, PHONE, Town, eventually

JOELLE: Final = "Joëlle Bakker"


# What the agent reads in the end. What the desk itself wrote down of it, such as who was linked to whom, is beside it.
WEEK: Final = [
    Entry("Brief", "Op mijn vraag over de stoep kwam geen antwoord."),
    Entry("Afspraak gemaakt", ""),
    Entry("Niet verschenen", ""),
    Entry("WhatsApp", "Ik was ziek. Kan het ook vandaag?"),
    Entry("Te laat", ""),
    Entry("Notitie", "De brief bleef liggen."),
    Entry("Beantwoord via WhatsApp", "Ja, kom gerust langs."),
    Entry("Website", "Wanneer wordt de stoep gemaakt?"),
    Entry("Beantwoord via E-mail", "Wij kijken het na en laten het u weten."),
    Entry("E-mail", "Dank u. Hij ligt er gevaarlijk bij."),
    Entry("WhatsApp", "Wat moet ik meenemen?"),
    Entry("Telefoon", ""),
    Entry("Opgenomen", ""),
    Entry("Notitie", "Vraagt naar de stoep. Wij bellen haar terug."),
    Entry("Taak gemaakt", ""),
    Entry("Wij namen contact op via Telefoon", ""),
    Entry("Taak klaar", ""),
    Entry("Sms", "Ik ben er over tien minuten."),
    Entry("Beantwoord via Sms", "Tot zo."),
    Entry("Chat", "Waar is de ingang?"),
    Entry("Beantwoord via Chat", "Aan de achterkant."),
    Entry("Afspraak gemaakt", ""),
    Entry("Aangekomen bij de balie", ""),
    Entry("Opgeroepen bij de balie", ""),
    Entry("Geholpen bij de balie", ""),
]
# A try and the call itself are of one instant: they stand in the order of the log, which is another on each engine.
OURS: Final = re.compile("Adres gekoppeld|Inwoner toegevoegd|Gesprek |Zaak |Bij een zaak gezet|Geprobeerd te bereiken")


@pytest.mark.timeout(300)
def test_a_week_over_every_road_is_one_story(town: Town, browser: Browser) -> None:
    with opened(browser) as desk, opened(browser) as hers:
        agent = Agent(desk)
        with town.open():
            agent.comes_in(town.draad)
            last_week(town, agent)
            yesterday_evening(town, agent)
            this_morning(town, agent, hers)
            town.power_cut()
        mail, to = while_nobody_is_there(town)
        with town.open():
            agent.turns_to("E-mail")
            town.hands_over(mail, to)
            agent.opens_a_case("Stoep in de Dorpsstraat")
            town.whatsapps("wamid.2", "Wat moet ik meenemen?", datetime.now(UTC))
            this_afternoon(town, agent)
            on_her_way(town, agent, hers)
            agent.looks_up(JOELLE)
            everything_is_there_once(town, agent)


def last_week(town: Town, agent: Agent) -> None:
    """She wrote a letter, which lay there too long; and she had an appointment, and did not come."""
    now = datetime.now(UTC)
    town.posts_letter("scan-1", "Op mijn vraag over de stoep kwam geen antwoord.", days_ago=6)
    town.books("jcc-1", agreed=now - timedelta(days=5), starts=now - timedelta(days=2))
    agent.turns_to("Brief")
    agent.sees("Te laat")
    agent.knows_as(JOELLE)
    agent.notes("De brief bleef liggen.")


def yesterday_evening(town: Town, agent: Agent) -> None:
    """She sent a message, and is answered. Meta's word on it comes in any order."""
    town.whatsapps("wamid.1", "Ik was ziek. Kan het ook vandaag?", datetime.now(UTC) - timedelta(hours=14))
    agent.turns_to("WhatsApp")
    agent.recognises(JOELLE)
    agent.answers("Ja, kom gerust langs.", over="WhatsApp")
    eventually(lambda: town.meta.sent)
    town.whatsapp_receipts("read", "sent", "delivered")
    agent.sees_of_the_answer("Ja, kom gerust langs.", "gelezen")


def this_morning(town: Town, agent: Agent, hers: Page) -> None:
    """She reads about passports on the website, asks something in the form, and is answered by mail."""
    reads_the_website(hers, town)
    asks_in_the_form(hers, town, "Wanneer wordt de stoep gemaakt?")
    agent.turns_to("Website")
    agent.recognises(JOELLE)
    agent.answers("Wij kijken het na en laten het u weten.", over="E-mail")
    eventually(lambda: town.relay.taken)
    agent.sees_of_the_answer("Wij kijken het na en laten het u weten.", "verstuurd")


def while_nobody_is_there(town: Town) -> tuple[bytes, str]:
    """She writes back to what she got: the mail, and where to. It waits in the mailbox."""
    ours = message_from_bytes(town.relay.taken[0])
    to, follows = str(ours["Reply-To"]), str(ours["Message-ID"])
    now = datetime.now(UTC)
    eventually(lambda: datetime.now(UTC) - now > timedelta(seconds=1))  # A mailbox knows only whole seconds.
    return town.mails("Dank u. Hij ligt er gevaarlijk bij.", To=to, In_Reply_To=follows), to


def this_afternoon(town: Town, agent: Agent) -> None:
    """She calls. The agent promises to call back, and does."""
    call = town.calls()
    agent.picks_up()
    agent.notes("Vraagt naar de stoep. Wij bellen haar terug.")
    agent.promises_to_call_back("Wanneer de stoep wordt gemaakt")
    town.hangs_up(call)
    agent.calls_back("Wanneer de stoep wordt gemaakt")


def on_her_way(town: Town, agent: Agent, hers: Page) -> None:
    """She texts, chats, and comes to the counter."""
    town.texts("SM1", "Ik ben er over tien minuten.")
    agent.turns_to("Sms")
    agent.answers("Tot zo.", over="Sms")
    eventually(lambda: town.twilio.messages)
    chats(hers, town, "Waar is de ingang?")
    agent.turns_to("Chat")
    agent.recognises(JOELLE)
    agent.answers("Aan de achterkant.", over="Chat")
    expect(hers.locator(".agent p")).to_have_text("Aan de achterkant.")
    agent.sees_of_the_answer("Aan de achterkant.", "afgeleverd")
    town.books("jcc-2", agreed=datetime.now(UTC), starts=datetime.now(UTC))
    agent.receives_at_the_counter()


def reads_the_website(page: Page, town: Town) -> None:
    with page.expect_event("requestfinished", lambda request: request.method == "POST"):
        page.goto(f"{town.website.origin}/paspoort")


def asks_in_the_form(page: Page, town: Town, question: str) -> None:
    page.goto(f"{town.draad.address}/contact/")
    page.get_by_label("Wat is uw vraag?").press_sequentially(question, delay=80)  # As quick as people type at best.
    page.get_by_label("E-mailadres").fill(MAIL)
    page.get_by_role("button", name="Verstuur uw vraag").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Wij hebben uw vraag")
    page.reload()  # Sent again by the browser.
    expect(page.get_by_role("heading", level=1)).to_have_text("Wij hebben uw vraag")


def chats(page: Page, town: Town, question: str) -> None:
    page.goto(f"{town.website.origin}/paspoort")
    page.get_by_role("button", name="Chat").click()
    page.get_by_role("textbox").fill(question)
    page.get_by_role("textbox").press("Enter")
    expect(page.locator('.mine[data-state="sent"]')).to_have_count(1)


def everything_is_there_once(town: Town, agent: Agent) -> None:
    """On one page, in one order; and what we said left once."""
    page, sent = agent.page, town.meta.sent
    assert [line for line in agent.reads() if not OURS.match(line.title)] == WEEK
    hours = agent.reads_the_hours()
    assert hours == sorted(hours)
    expect(page.locator(".entry--maybe")).to_have_count(0)
    fit(page, "week")
    assert [(one["to"], one["text"]["body"]) for one in sent] == [(PHONE[1:], "Ja, kom gerust langs.")]
    assert [(one["to"], one["body"]) for one in town.twilio.messages] == [(PHONE, "Tot zo.")]
    assert [recipients for _, recipients in town.relay.envelopes] == [[MAIL]]
    expect(page.locator("#taken")).to_contain_text("Geen open taken")
    expect(page.locator("#zaken")).to_contain_text("Stoep in de Dorpsstraat")
    page.goto(f"{agent.at}/")
    expect(page.locator(".group--unread")).to_have_count(0)
    said = town.facts("contact.received")
    assert len(said) == len({one["contact_id"] for one in said}) == 8
    assert [(step["product"], step["step"]) for step in town.facts("journey.stepped")] == [
        ("paspoort", "information")
    ] * 2
    parked = aside(town.folder / "draad.db", "parked", **town.settings)
    assert parked.returncode == 0, parked.stdout
