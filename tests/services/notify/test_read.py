"""Every text of ours as it is sent, in each language and on each road, with values as they come: long, odd, or none."""

import re
from contextlib import closing
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any, Final, Literal

import pytest
from playwright.sync_api import Browser

from channels.channel import Message
from channels.gsm import counted
from channels.posting import written
from channels.printing import printed
from schemas.contact import ContactMade
from services.notify.hours import RECEIVED
from services.notify.texts import LANGUAGES
from services.notify.writer import SUBJECT_CHARS_MAX, Place
from tests.channels.post import email
from tests.chromium import complaints
from tests.services.notify.test_writer import HEAD, SETTINGS, TEMPLATES, TEXTS, due, writer

LONG: Final = (
    "Omgevingsvergunning voor een dakkapel aan de achterkant en het kappen van twee beuken, "
    "Burgemeester-Graaf-van-Zuylenlaan 12"
)
KINDS: Final[dict[str, dict[str, Any]]] = {
    "usual": {},
    "odd": {"title": LONG, "status": "wacht-op-u", "named": "Wij wachten op u!", "branch": "far", "code": ""},
    "bare": {"status": "unknown", "due": None, "branch": "unknown", "code": ""},
}
NAMES: Final = {"usual": "Gemeente Voorbeeld", "odd": "Gemeente Súdwest-Fryslân", "bare": "Gemeente 's-Hertogenbosch"}
FAR: Final = Place("Servicepunt Zoëterwoude-Rijndijk, Van Reenensingel 101a")
LINE: Final = "Gemeente Voorbeeld, Postbus 1, 1000 AA Voorbeeld"
POST: Final = "Zoë Çelik-de Wit, Burgemeester-Graaf-van-Zuylenlaan 12, 1234 AB Voorbeeld"
LINKED: Final = {"appointment-booked", "appointment-changed", "appointment-reminder", "case-opened", "case-closed"}


def told(kind: str, language: str, template: str, road: str) -> ContactMade:
    settings = SETTINGS.model_copy(update={"organisation": NAMES[kind], "phone": "" if kind == "bare" else "14 020"})
    head = HEAD._replace(settings=settings, places={"main": Place("Stadhuis"), "far": FAR}, letters=True)
    more = dict(KINDS[kind], language=language)
    if template == RECEIVED:
        more |= {"title": "Re: Wéér een lamp kapot", "reply_to": "q1@mail.example"}
    theirs = {"party_id": "5d2c6f4e-8a5b-5c1d-9e0f-1a2b3c4d5e6f"}
    theirs["about"] = f"{template.partition('-')[0]}/{theirs['party_id']}"
    event = writer(head).written(due(template, road, **(theirs | more)))
    assert isinstance(event, ContactMade)
    return event


def mail(told: ContactMade) -> EmailMessage:
    message = Message(
        told.message_id,
        told.address_id,
        told.address,
        "info",
        told.text,
        told.title,
        reply_to=told.reply_to,
        at=told.at,
        automatic=True,
        language=told.language,
        calendar=told.calendar,
        unsubscribe=told.unsubscribe,
    )
    read = message_from_bytes(written(email().letter(message)), policy=SMTP)
    assert isinstance(read, EmailMessage)
    return read


def body(read: EmailMessage, kind: str) -> str:
    part = read.get_body((kind,))
    assert isinstance(part, EmailMessage)
    return str(part.get_content()).replace("\r\n", "\n")


def whole(text: str) -> None:
    """Nothing of it is a gap, or says twice what ends a sentence."""
    assert not re.search(r"[{}]|None|unknown|\n{3}|  |[.?!]{2}|: ?\.| [.,]", text)
    assert all(line == line.strip() for line in text.split("\n"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", TEMPLATES)
def test_a_mail_has_a_subject_that_is_seen_whole_and_the_same_words_in_both_its_parts(
    template: str, language: str, kind: str
) -> None:
    event = told(kind, language, template, "email")
    read = mail(event)
    whole(event.text)
    assert read["Subject"] == event.title
    assert 0 < len(event.title) <= SUBJECT_CHARS_MAX
    page = body(read, "html")
    assert body(read, "plain").strip() == event.text
    assert f'<html lang="{language}">' in page
    assert page.count("<p>") == event.text.count("\n\n") + 1
    assert "<p></p>" not in page
    links = re.findall(r"https?://\S+", event.text)
    assert re.findall(r'href="([^"]+)"', page) == links
    assert all(link.startswith("https://") for link in links)
    assert bool(links) or template not in LINKED
    assert NAMES[kind] in event.text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", TEMPLATES)
def test_an_sms_is_one_in_the_small_alphabet_also_with_names_that_are_not(
    template: str, language: str, kind: str
) -> None:
    text = told(kind, language, template, "sms").text
    whole(text)
    assert len(text) > len("https://draad.voorbeeld.nl")
    assert counted(text).segments == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", [name for name in TEMPLATES if TEXTS["nl"][name].letter])
def test_a_letter_fits_on_one_page_and_says_once_what_it_is_about(template: str, language: str, kind: str) -> None:
    event = told(kind, language, template, "letter")
    whole(event.text)
    letter = Message(event.message_id, "x", POST, "main", event.text, event.title, at=event.at, language=language)
    assert printed(letter, LINE).count(b"/Type /Page\n") == 1
    assert f"{event.title}\n{event.text}".count(LONG) <= 1


@pytest.mark.parametrize(("scheme", "words"), [("light", "rgb(0, 0, 0)"), ("dark", "rgb(255, 255, 255)")])
def test_a_mail_fits_on_a_telephone_and_can_be_read_in_the_light_and_in_the_dark(
    scheme: Literal["light", "dark"], words: str, browser: Browser
) -> None:
    with closing(browser.new_context(viewport={"width": 320, "height": 600}, color_scheme=scheme)) as context:
        page = context.new_page()
        for template in TEMPLATES:
            page.set_content(body(mail(told("odd", "nl", template, "email")), "html"))
            assert page.evaluate("document.documentElement.scrollWidth") <= 320, template
            assert page.evaluate("getComputedStyle(document.querySelector('p')).color") == words
        if scheme == "light":  # Of a page that is dark because its reader is, axe takes the ground for white.
            assert [rule for rule, _ in complaints(page) if rule != "page-has-heading-one"] == []  # It has a subject.
