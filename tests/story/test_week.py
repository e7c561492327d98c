"""One resident's week over all roads: whatever she did stands in one story, once, in the order in which it happened.

An agent is at the desk in one browser; in another she opens the links that she got by mail and SMS, and acts there.
All that providers say, they say twice; and in the middle of the week the power fails.
"""

import re
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from typing import Final

import pytest
from playwright.sync_api import Browser, expect

from tests.chromium import fit, opened
from tests.running import aside
from tests.story.agent import Agent, Entry
from tests.story.resident import Resident
from tests.story.test_told import TOLD, mail
from tests.story.town import MAIL, PHONE, Town, eventually, next_second

JOELLE: Final = "Joëlle Bakker"
CASE: Final = "Stoep in de Dorpsstraat"
ASKED: Final = """
[opinion]
sensitive = ["bijstand"]
"""

# What the agent reads in the end. What the desk itself wrote down of it, such as who was linked to whom, is beside it.
WEEK: Final = [
    Entry("Brief", "Op mijn vraag over de stoep kwam geen antwoord."),
    Entry("Afspraak gemaakt", ""),
    Entry("Niet verschenen", ""),
    Entry("WhatsApp", "Ik was ziek. Kan het ook vandaag?"),
    Entry("Zonder afspraak binnengekomen", ""),
    Entry("Geholpen bij de balie", ""),
    Entry("Te laat", ""),
    Entry("Notitie", "De brief bleef liggen."),
    Entry("Beantwoord via WhatsApp", "Ja, kom gerust langs."),
    Entry("Website", "Wanneer wordt de stoep gemaakt?"),
    Entry("Bericht", ""),
    Entry("Beantwoord via E-mail", "Wij kijken het na en laten het u weten."),
    Entry("Bericht", ""),
    Entry("Wat de inwoner ervan vond", "Ik was snel klaar."),
    Entry("E-mail", "Dank u. Hij ligt er gevaarlijk bij."),
    Entry("Zaak geopend", ""),
    Entry("Bericht", ""),
    Entry("Website", "Ligt er al een nieuwe steen?"),
    Entry("WhatsApp", "Wat moet ik meenemen?"),
    Entry("Telefoon", ""),
    Entry("Opgenomen", ""),
    Entry("Notitie", "Vraagt naar de stoep. Wij bellen haar terug."),
    Entry("Taak gemaakt", ""),
    Entry("Wij namen contact op via Telefoon", ""),
    Entry("Taak klaar", ""),
    Entry("Sms", "Ik ben er over tien minuten."),
    Entry("Beantwoord via Sms", "Tot zo."),
    Entry("Afspraak gemaakt", ""),
    Entry("Bericht", ""),
    Entry("Afspraak afgezegd", ""),
    Entry("Bericht", ""),
    Entry("Chat", "Waar is de ingang?"),
    Entry("Beantwoord via Chat", "Aan de achterkant."),
    Entry("Afspraak gemaakt", ""),
    Entry("Aangekomen bij de balie", ""),
    Entry("Opgeroepen bij de balie", ""),
    Entry("Geholpen bij de balie", ""),
]
# A try and the call itself are of one instant: they stand in the order of the log, which is another on each engine. And
# that a message left stands with it, but where a page of the timeline begins in between.
OURS: Final = re.compile(
    "Adres gekoppeld|Inwoner toegevoegd|Gesprek |Zaak (?!geopend)|Bij een zaak gezet|Geprobeerd te bereiken"
    "|Bericht verstuurd|Bij deze inwoner gezet"
)


@pytest.mark.timeout(900)
def test_a_week_over_every_road_is_one_story(town: Town, browser: Browser) -> None:
    with (town.folder / "site.toml").open("a") as site:
        site.write(TOLD + ASKED)
    with opened(browser) as desk, opened(browser) as hers:
        agent, joelle = Agent(desk), Resident(hers, town)
        with town.open():
            agent.comes_in(town.draad)
            last_week(town, agent)
            yesterday_evening(town, agent)
            this_morning(town, agent, joelle)
            what_she_thinks(town, agent, joelle)
            town.power_cut()
        written, to = while_nobody_is_there(town)
        with town.open():
            agent.turns_to("E-mail")
            town.hands_over(written, to)
            agent.opens_a_case(CASE)
            on_her_own_page(town, agent, joelle)
            town.whatsapps("wamid.2", "Wat moet ik meenemen?", next_second())
            this_afternoon(town, agent)
            she_changes_her_mind(town, agent, joelle)
            on_her_way(town, agent, joelle)
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


def this_morning(town: Town, agent: Agent, joelle: Resident) -> None:
    """She reads about passports on the website, asks something in the form, and is answered by mail."""
    joelle.reads_the_website()
    joelle.asks_in_the_form("Wanneer wordt de stoep gemaakt?")
    eventually(lambda: len(town.relay.taken) == 1)  # That we have it.
    agent.turns_to("Website")
    agent.recognises(JOELLE)
    agent.answers("Wij kijken het na en laten het u weten.", over="E-mail")
    eventually(lambda: len(town.relay.taken) == 2)
    agent.sees_of_the_answer("Wij kijken het na en laten het u weten.", "verstuurd")


def what_she_thinks(town: Town, agent: Agent, joelle: Resident) -> None:
    """She was at the counter, and is asked by mail what she thinks of it. Her colleague at the desk reads it."""
    [party] = town.facts("party.registered")
    town.walks_in("ticket-1", party["party_id"], hours_ago=2)
    joelle.follows("o")
    joelle.thinks(9, "Ik was snel klaar.")
    agent.looks_up(JOELLE)
    agent.sees("Wat de inwoner ervan vond")
    agent.sees_of_the_answer("Wat vindt u van onze hulp?", "verstuurd")


def while_nobody_is_there(town: Town) -> tuple[bytes, str]:
    """She writes back to what she got: the mail, and where to. It waits in the mailbox."""
    ours = message_from_bytes(town.relay.taken[1])
    to, follows = str(ours["Reply-To"]), str(ours["Message-ID"])
    next_second()  # A mailbox knows only whole ones.
    return town.mails("Dank u. Hij ligt er gevaarlijk bij.", To=to, In_Reply_To=follows), to


def on_her_own_page(town: Town, agent: Agent, joelle: Resident) -> None:
    """She hears by mail of her case, looks how it stands and asks about it; it is known whose question that is."""
    joelle.follows("m")
    joelle.asks_about(CASE, "Ligt er al een nieuwe steen?")
    agent.turns_to("Website")
    agent.sees_of_it("Ligt er al een nieuwe steen?")


def this_afternoon(town: Town, agent: Agent) -> None:
    """She calls. The agent promises to call back, and does. Then she texts."""
    call = town.calls()
    agent.picks_up()
    agent.notes("Vraagt naar de stoep. Wij bellen haar terug.")
    agent.promises_to_call_back("Wanneer de stoep wordt gemaakt")
    town.hangs_up(call)
    agent.calls_back("Wanneer de stoep wordt gemaakt")
    town.texts("SM1", "Ik ben er over tien minuten.")
    agent.turns_to("Sms")
    agent.answers("Tot zo.", over="Sms")
    eventually(lambda: town.twilio.messages)


def she_changes_her_mind(town: Town, agent: Agent, joelle: Resident) -> None:
    """She gets an appointment, cancels it on the page to which the mail about it leads, and is told that it is off."""
    now, told = datetime.now(UTC), all_that_left(town)
    [party] = town.facts("party.registered")
    town.books("jcc-2", agreed=now, starts=now + timedelta(days=3), party=party["party_id"])
    joelle.follows("a")
    joelle.cancels()
    eventually(lambda: all_that_left(town) == told + 2)
    agent.looks_up(JOELLE)
    agent.sees("Afspraak afgezegd")


def all_that_left(town: Town) -> int:
    return len(town.relay.taken) + len(town.twilio.messages)


def on_her_way(town: Town, agent: Agent, joelle: Resident) -> None:
    """She chats, and comes to the counter."""
    joelle.chats("Waar is de ingang?")
    agent.turns_to("Chat")
    agent.recognises(JOELLE)
    agent.answers("Aan de achterkant.", over="Chat")
    expect(joelle.page.locator(".agent p")).to_have_text("Aan de achterkant.")
    agent.sees_of_the_answer("Aan de achterkant.", "afgeleverd")
    town.books("jcc-3", agreed=datetime.now(UTC), starts=datetime.now(UTC))
    agent.receives_at_the_counter()


def everything_is_there_once(town: Town, agent: Agent) -> None:
    """On one page, in one order; and what we said left once."""
    page, sent = agent.page, town.meta.sent
    expect(page.locator("#taken")).to_contain_text("Geen open taken")
    expect(page.locator("#zaken")).to_contain_text(CASE)
    fit(page, "week")
    told = agent.reads()
    assert [entry for _, entry in told if not OURS.match(entry.title)] == WEEK
    hours = [hour for hour, _ in told]
    assert hours == sorted(hours)
    assert [(one["to"], one["text"]["body"]) for one in sent] == [(PHONE[1:], "Ja, kom gerust langs.")]
    assert {one["to"] for one in town.twilio.messages} == {PHONE}
    assert [one["body"] for one in town.twilio.messages].count("Tot zo.") == 1
    assert {tuple(recipients) for _, recipients in town.relay.envelopes} == {(MAIL,)}
    subjects = [str(mail(taken)["Subject"]) for taken in town.relay.taken]
    assert len(subjects) == len({*subjects})
    assert {"Wij hebben uw bericht", "Wat vindt u van onze hulp?", f"Wij zijn begonnen met: {CASE}"} <= {*subjects}
    assert all_that_left(town) == 7
    page.goto(f"{agent.at}/")
    expect(page.locator(".group--unread")).to_have_count(0)
    said = town.facts("contact.received")
    assert len(said) == len({one["contact_id"] for one in said}) == 9
    assert [one["score"] for one in town.facts("opinion.counted")] == [9]
    assert [one["by"] for one in town.facts("appointment.cancelled")] == ["party"]
    assert [(step["product"], step["step"]) for step in town.facts("journey.stepped")] == [
        ("paspoort", "information")
    ] * 2
    parked = aside(town.folder / "draad.db", "parked", **town.settings)
    assert parked.returncode == 0, parked.stdout
