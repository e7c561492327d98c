"""What residents read: in whole sentences, in their language, with what is known; and nothing that came too late."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from icalendar import Calendar

from channels.gsm import Count, counted, plain
from channels.link import APPOINTMENT, OPINION, PARTY, Links
from engine.engine import Engine
from engine.memory import Disk, MemoryStore
from schemas.contact import ContactMade
from schemas.errors import Refused
from schemas.event import fact
from schemas.notification import (
    NotificationDue,
    NotificationFailed,
    NotificationPostponed,
    NotificationWithheld,
    NotificationWritten,
)
from services.notify.hours import RECEIVED
from services.notify.known import Known
from services.notify.language import languages
from services.notify.opinion import ASKS
from services.notify.settings import NotifySettings, OpinionSettings, Said, Status
from services.notify.shut import addresses_shut
from services.notify.texts import FIELDS, LANGUAGES, filled, read_texts
from services.notify.writer import Letterhead, Place, Writer

NOW: Final = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
STARTS: Final = datetime(2026, 11, 12, 9, 30, tzinfo=UTC)
READY: Final = Status(title="klaar om op te halen", says="Uw paspoort ligt klaar.", next="Kom het ophalen.")
SETTINGS: Final = NotifySettings(
    organisation="Gemeente Voorbeeld",
    phone="14 020",
    statuses={"passport": {"klaar": READY, "intern": Status(inform=False)}},
)
TEXTS: Final = read_texts()
LINKS: Final = Links(b"l" * 32, "https://draad.voorbeeld.nl")
ASKED: Final = OpinionSettings(sensitive=("bijstand",))
HEAD: Final = Letterhead(
    SETTINGS, TEXTS, {"main": Place("Stadhuis")}, {"main": "info@voorbeeld.nl"}, LINKS, opinion=ASKED
)
OPINION_ID: Final = "0c9d1e2f-4b5a-5678-9abc-def012345678"
TEMPLATES: Final = sorted(TEXTS["nl"])


def due(template: str = "appointment-booked", channel: str = "email", **more: Any) -> NotificationDue:
    said: dict[str, Any] = {
        "notification_id": "n1", "party_id": "p1", "about": "appointment/a1", "template": template,
        "channel": channel, "address": "j@mail.example" if channel == "email" else "+31612345678", "address_id": "x",
        "title": "Paspoort", "status": "klaar", "due": NOW + timedelta(days=20),
        "branch": "main", "starts_at": STARTS, "code": "BK417", "minutes": 20, "version": 1,
    }  # fmt: skip
    said["kind"] = "email" if template == RECEIVED else "passport"
    if template in ASKS:
        said |= {"notification_id": OPINION_ID, "starts_at": None, "happened_at": NOW, "happened_by": "phone"}
    return NotificationDue(at=NOW, **(said | more))


def writer(head: Letterhead = HEAD, now: datetime = NOW) -> Writer:
    return Writer(Engine(MemoryStore(Disk(), lambda: now)), head, lambda: now)


def written(told: NotificationDue, head: Letterhead = HEAD) -> ContactMade:
    event = writer(head).written(told)
    assert isinstance(event, ContactMade)
    return event


def test_a_mail_says_when_and_where_in_words_and_brings_the_calendar_along() -> None:
    mail = written(due())
    assert mail.title == "Uw afspraak op donderdag 12 november 2026"
    assert "Wanneer: donderdag 12 november 2026 om 10:30 uur\nWaar: Stadhuis\nUw code: BK417\n" in mail.text
    assert mail.text.startswith("Beste inwoner,\n\n")
    assert mail.text.endswith("Bellen kan ook: 14 020.\n\nMet vriendelijke groet,\nGemeente Voorbeeld")
    assert (mail.inbox, mail.thread_id, mail.about, mail.notification_id) == (
        "main", mail.message_id, "appointment/a1", "n1",
    )  # fmt: skip
    assert mail.calendar


def test_in_the_language_that_they_chose_and_else_in_dutch() -> None:
    assert written(due(language="en")).title == "Your appointment on Thursday 12 November 2026"
    assert written(due(language="fr")).title == written(due()).title


def test_what_a_status_means_is_said_and_an_unknown_one_is_said_as_it_is() -> None:
    said = written(due("case-status")).text
    assert (
        "De status is nu: klaar om op te halen.\nUw paspoort ligt klaar.\nWat gebeurt er nu? Kom het ophalen." in said
    )
    bare = written(due("case-status", status="in-behandeling", due=None)).text
    assert "De status is nu: in behandeling.\n\nHebt u" in bare


def test_the_words_of_a_case_system_are_said_where_there_are_none_of_our_own() -> None:
    theirs = {"named": "Wacht op u", "says": "Wij missen nog een papier."}
    said = written(due("case-status", status="wacht-op-u", **theirs)).text
    assert "De status is nu: Wacht op u.\nWij missen nog een papier.\n" in said
    assert "De status is nu: klaar om op te halen.\nUw paspoort" in written(due("case-status", **theirs)).text


def test_a_line_of_which_a_field_is_empty_is_left_out_and_leaves_no_hole() -> None:
    silent = HEAD._replace(settings=SETTINGS.model_copy(update={"phone": ""}))
    mail = written(due(code=""), silent)
    assert "code" not in mail.text
    assert "Bellen" not in mail.text
    assert "\n\n\n" not in mail.text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", TEMPLATES)
def test_every_sms_is_one_message_without_what_is_nobody_elses_business(template: str, language: str) -> None:
    sms = written(due(template, "sms", language=language))
    assert counted(plain(sms.text)) == Count(segments=1, small=True)
    assert not any(secret in sms.text for secret in ("Paspoort", "paspoort", "BK417"))
    assert (sms.title, sms.calendar) == ("", "")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", TEMPLATES)
def test_every_mail_is_whole(template: str, language: str) -> None:
    mail = written(due(template, language=language))
    assert mail.title
    assert "Gemeente Voorbeeld" in mail.text
    assert not {"{", "}"} & {*mail.text, *mail.title}


def test_each_language_has_the_same_texts() -> None:
    assert {language: sorted(texts) for language, texts in TEXTS.items()} == dict.fromkeys(LANGUAGES, TEMPLATES)


def test_nobody_hears_what_is_too_late_or_what_is_not_for_them() -> None:
    late = writer(now=STARTS).written(due(until=STARTS))
    assert late == NotificationWithheld(at=STARTS, notification_id="n1", reason="expired")
    inside = writer().written(due("case-status", status="intern"))
    assert inside == NotificationWithheld(at=NOW, notification_id="n1", reason="not-informed")


def test_no_sms_is_written_at_night_or_leaves_after_the_road_has_closed() -> None:
    night, closes = NOW.replace(hour=19), NOW.replace(hour=19)  # Eight o'clock in the Netherlands.
    postponed = NotificationPostponed(at=night, notification_id="n1", channel="sms")
    assert writer(now=night).written(due(channel="sms")) == postponed
    assert isinstance(writer(now=night).written(due()), ContactMade)
    assert written(due(channel="sms")).until == closes
    assert written(due(channel="sms", until=NOW.replace(hour=12))).until == NOW.replace(hour=12)
    assert written(due(until=STARTS)).until == STARTS


def asked(channel: str = "email", **more: Any) -> NotificationDue:
    """Somebody wrote, on a Monday morning."""
    answered = {"reply_to": "q1@mail.example", "inbox": "burgerzaken", "thread_id": "c1", "title": "Re: Mijn paspoort"}
    return due(RECEIVED, channel, **(answered | {"kind": channel} | more))


def test_who_asked_hears_by_when_in_their_own_thread() -> None:
    mail = written(asked(code="3F2A1B"))
    assert mail.title == "Re: Mijn paspoort"
    assert "U krijgt uiterlijk op 4 november 2026 antwoord." in mail.text  # Two working days.
    assert "Noem dan dit nummer: 3F2A1B." in mail.text
    assert (mail.inbox, mail.thread_id, mail.reply_to) == ("burgerzaken", "c1", "q1@mail.example")
    friday = asked().model_copy(update={"at": NOW + timedelta(days=4)})
    assert "10 november 2026" in written(friday, HEAD).text
    assert "20 november 2026" in written(friday, HEAD._replace(answer_days=10)).text


def test_what_came_without_a_title_or_by_a_form_has_ours() -> None:
    assert written(asked(title="")).title == "Wij hebben uw bericht"
    form = written(asked(kind="web", reply_to="", inbox="unknown"))
    assert (form.title, form.inbox, form.thread_id) == ("Wij hebben uw bericht", "main", "c1")


def test_who_texts_at_night_hears_at_once() -> None:
    night = NOW.replace(hour=23)
    sms = writer(now=night).written(asked("sms").model_copy(update={"at": night}))
    assert isinstance(sms, ContactMade)
    assert sms.text.endswith("U krijgt uiterlijk op 5 nov antwoord.")  # After midnight it is Tuesday.
    assert sms.until is None


def test_in_the_language_that_they_are_known_to_choose_else_in_that_of_the_page() -> None:
    told = [writer().written(asked(language=page), Known(chose)) for page, chose in (("nl", "en"), ("en", ""))]
    assert [isinstance(one, ContactMade) and one.language for one in told] == ["en", "en"]
    reminded = writer().written(due("appointment-reminder"), Known("en"))  # The party said so itself, or did not.
    assert isinstance(reminded, ContactMade)
    assert reminded.language == "nl"


def test_where_no_program_writes_the_next_road_follows() -> None:
    failed = NotificationFailed(at=NOW, notification_id="n1", channel="sms", reason="opted-out")
    assert writer().written(due(channel="sms"), Known(shut="opted-out")) == failed


def test_where_it_is_switched_off_and_to_ourselves_nothing_is_confirmed() -> None:
    off = HEAD._replace(settings=SETTINGS.model_copy(update={"confirms": ("email",)}))
    withheld = NotificationWithheld(at=NOW, notification_id="n1", reason="not-informed")
    assert writer(off).written(asked("sms")) == withheld
    assert isinstance(writer(off).written(asked()), ContactMade)
    assert writer().written(asked(address="info@voorbeeld.nl")) == withheld


def test_what_is_due_again_is_another_message() -> None:
    again = due().model_copy(update={"at": NOW + timedelta(days=1)})
    assert written(due()).message_id == written(due()).message_id != written(again).message_id


VISIT: Final = "6f2ab4f0-9e3d-5c1b-8a7e-0123456789ab"
WHO: Final = "0c9d1e2f-4b5a-5678-9abc-def012345678"
LED: Final = re.compile(r"https://draad\.voorbeeld\.nl/([amo])/(\S+)")


def led(text: str) -> list[tuple[str, str]]:
    """What the links of a text open."""
    read = [(kind, LINKS.read(kind, token)) for kind, token in LED.findall(text)]
    return [(kind, link.name if link else "nothing") for kind, link in read]


def test_of_an_appointment_a_mail_leads_to_its_page_and_of_a_case_to_all_that_is_theirs() -> None:
    ours = {"about": f"appointment/{VISIT}", "party_id": WHO}
    for template in ("appointment-booked", "appointment-changed", "appointment-reminder"):
        assert led(written(due(template, **ours)).text) == [(APPOINTMENT, VISIT)]
    assert led(written(due("appointment-cancelled", **ours)).text) == []
    assert led(written(due("case-status", about=f"case/{VISIT}", party_id=WHO)).text) == [(PARTY, WHO)]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", TEMPLATES)
def test_an_sms_has_the_link_only_where_it_stays_one_message(template: str, language: str) -> None:
    said = {"language": language, "about": f"appointment/{VISIT}", "party_id": WHO}
    sms = written(due(template, "sms", **said)).text
    assert counted(sms).segments == 1
    asks = [(OPINION, OPINION_ID)] if template in ASKS else []  # Nothing else is in it.
    assert led(sms) == ([(APPOINTMENT, VISIT)] if template == "appointment-booked" else asks)
    there = HEAD._replace(places={"main": Place("Stadskantoor in het winkelcentrum")})
    assert led(written(due(template, "sms", **said), there).text) == asks


def test_where_nobody_can_come_or_for_a_name_that_is_not_ours_no_link_is_written_and_no_hole_is_left() -> None:
    inside = HEAD._replace(links=Links(b"l" * 32, ""))
    for mail in (written(due(about=f"appointment/{VISIT}"), inside), written(due(about="appointment/jcc-1"))):
        assert "bekijken" not in mail.text
        assert "\n\n\n" not in mail.text


def test_a_text_that_nobody_wrote_fails_and_holds_nobody_up() -> None:
    failed = writer().written(due("tax-bill"))
    assert failed == NotificationFailed(at=NOW, notification_id="n1", channel="email", reason="not-written")


@pytest.mark.parametrize(
    ("template", "method", "status", "sequence"),
    [
        ("appointment-booked", "REQUEST", "CONFIRMED", 1),
        ("appointment-changed", "REQUEST", "CONFIRMED", 1),
        ("appointment-cancelled", "CANCEL", "CANCELLED", 2),
    ],
)
def test_calendars_know_the_appointment_again(template: str, method: str, status: str, sequence: int) -> None:
    found = Calendar.from_ical(written(due(template)).calendar)
    [event] = found.events
    assert (found["method"], event["status"], event["sequence"]) == (method, status, sequence)
    assert event["uid"] == "appointment-a1@voorbeeld.nl"
    assert (event.start, event.end) == (STARTS, STARTS + timedelta(minutes=20))
    assert "paspoort" not in written(due(template)).calendar.lower()
    [zone] = found.walk("VTIMEZONE")
    assert b"RRULE" in zone.to_ical()
    assert b"RDATE" not in zone.to_ical()  # Which Outlook reads wrongly.


def test_a_calendar_reads_as_the_mail_does() -> None:
    for language, summary in (("nl", "Afspraak Gemeente Voorbeeld"), ("en", "Appointment Gemeente Voorbeeld")):
        mail = written(due("appointment-booked").model_copy(update={"language": language}))
        assert Calendar.from_ical(mail.calendar).events[0]["summary"] == summary


def test_a_reminder_brings_no_second_appointment_along() -> None:
    assert not written(due("appointment-reminder")).calendar


def test_a_subject_is_seen_whole_and_the_mail_has_all_of_the_title() -> None:
    title = "Omgevingsvergunning voor een dakkapel aan de achterkant van het huis en een schuur"
    mail = written(due("case-closed", title=title))
    assert mail.title == "Wij zijn klaar met: Omgevingsvergunning voor een dakkapel aan de achterkant…"
    assert f"uw zaak: {title}." in mail.text
    paper = written(due("case-closed", "letter", title=title), HEAD._replace(letters=True))
    assert paper.title == f"Wij zijn klaar met: {title}"
    assert written(due("case-closed")).title == "Wij zijn klaar met: Paspoort"


def test_an_sms_loses_what_is_on_its_letters_before_it_becomes_two_and_only_then() -> None:
    there = HEAD._replace(settings=SETTINGS.model_copy(update={"organisation": "Súdwest-Fryslân"}))
    assert "bij Sudwest-Fryslan: do 12 nov" in written(due(channel="sms"), there).text
    alone = there._replace(settings=there.settings.model_copy(update={"phone": ""}))
    assert written(due("case-closed", "sms", status="unknown"), alone).text == "Súdwest-Fryslân is klaar met uw zaak."


@pytest.mark.parametrize(("channel", "part"), [("sms", "sms"), ("email", "text"), ("email", "title")])
def test_a_message_in_which_nothing_is_left_takes_the_next_road(channel: str, part: str) -> None:
    text = TEXTS["nl"]["case-status"].model_copy(update={part: "Nu: {status}."})
    head = HEAD._replace(texts={"nl": {"case-status": text}})
    assert isinstance(writer(head).written(due("case-status", channel)), ContactMade)
    assert writer(head).written(due("case-status", channel, status="unknown")) == NotificationFailed(
        at=NOW, notification_id="n1", channel=channel, reason="not-written"
    )


def test_what_a_status_means_is_said_in_their_language_where_it_has_words_for_it() -> None:
    both = Status(**READY.model_dump(exclude={"en"}), en=Said(title="ready", says="Your passport is ready."))
    head = HEAD._replace(settings=SETTINGS.model_copy(update={"statuses": {"passport": {"klaar": both}}}))
    english = written(due("case-status", language="en"), head).text
    assert "The status is now: ready.\nYour passport is ready.\nWe aim" in english
    assert "De status is nu: klaar om op te halen.\nUw" in written(due("case-status"), head).text
    assert "now: klaar om op te halen.\nUw paspoort ligt klaar." in written(due("case-status", language="en")).text


@pytest.mark.parametrize(
    ("title", "said"),
    [("Mag ik bouwen?", "Mag ik bouwen?"), ("Auto B.V.", "Auto B.V."), ("Enzovoort...", "Enzovoort...."), ("A", "A.")],
)
def test_one_sign_ends_what_is_filled_in_and_the_sentence_around_it(title: str, said: str) -> None:
    assert f"met uw zaak: {said}\n" in written(due("case-closed", title=title)).text


def test_a_branch_that_nobody_described_is_called_by_its_name() -> None:
    assert "Waar: noord\n" in written(due(branch="noord")).text


async def test_what_is_due_is_written_once_also_where_it_was_begun_before() -> None:
    disk = Disk()
    engine = Engine(MemoryStore(disk, lambda: NOW))
    await engine.append(fact(due(), key="1"))
    await engine.settle(languages, addresses_shut)
    one = aiter(engine.follow("notify.writer", NotificationDue))
    await anext(one)  # It dies with this in hand.
    engine = Engine(MemoryStore(disk, lambda: NOW + timedelta(minutes=1)))
    running = asyncio.create_task(Writer(engine, HEAD, lambda: NOW).run())
    try:
        async with asyncio.timeout(30):
            while sum((await engine.ends()).values()) < 3:
                await engine.store.moved(engine.store.mark(), 1.0)
    finally:
        engine.stop()
        await running
    assert [one.type for one in await engine.read()] == [
        NotificationDue.type,
        ContactMade.type,
        NotificationWritten.type,
    ]


# Texts of a municipality's own.


def test_a_text_of_their_own_takes_the_place_of_ours(tmp_path: Path) -> None:
    (tmp_path / "nl.toml").write_text('[case-closed]\ntitle = "Klaar"\ntext = "Klaar: {title}."\nsms = "Klaar."\n')
    texts = read_texts(tmp_path)
    assert written(due("case-closed"), HEAD._replace(texts=texts)).text == "Klaar: Paspoort."
    assert texts["nl"]["case-opened"] == TEXTS["nl"]["case-opened"]
    assert texts["en"] == TEXTS["en"]


OWN: Final = '[case-closed]\ntitle = "{}"\ntext = "{}"\nsms = "{}"\n'


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("", "neither nl.toml nor en.toml"),
        ("[case-closed", "cannot be read"),
        ("\xff", "cannot be read"),
        ('[case-closed]\ntitle = "x"\n', "in case-closed.text"),
        (OWN.replace("case-closed", "tax-bill").format("x", "y", "z"), "tax-bill"),
        (OWN.format("x", "{name}", "z"), "names a field that it may not have"),
        (OWN.format("x", "{title.__class__}", "z"), "names a field that it may not have"),
        (OWN.format("x", "{title!r}", "z"), "names a field that it may not have"),
        (OWN.format("x", "{title:>999999999}", "z"), "names a field that it may not have"),
        (OWN.format("x", "{title", "z"), "a brace without its partner"),
        (OWN.format("x", "y", "{title}"), "names a field that it may not have"),  # Others read an SMS too.
        (OWN.format("x", "y" * 20_000, "z"), "in case-closed.text"),
    ],
)
def test_a_text_that_is_wrong_is_found_when_it_is_read(tmp_path: Path, said: str, why: str) -> None:
    if said:
        (tmp_path / "nl.toml").write_text(said, encoding="latin-1")
    with pytest.raises(Refused, match=why):
        read_texts(tmp_path)


def test_what_a_resident_wrote_is_never_read_as_a_text() -> None:
    said = dict.fromkeys(FIELDS, "x") | {"title": "{phone} {0} %s"}
    assert filled("Over: {title}", said) == "Over: {phone} {0} %s"
