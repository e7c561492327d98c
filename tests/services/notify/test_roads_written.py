"""What is written for each road beside mail and SMS, and what a mail has that may be switched off."""

import re
from hashlib import sha256
from typing import Any, Final

import pytest
from pydantic import ValidationError

from channels.link import APPOINTMENT, PARTY, UNSUBSCRIBE
from schemas.errors import Refused
from schemas.kinds import KINDS, OPTIONAL, kind_of
from schemas.notification import NotificationFailed
from services.notify.hours import RECEIVED
from services.notify.opinion import ASKS
from services.notify.settings import Template
from services.notify.texts import LANGUAGES
from tests.services.notify.test_writer import HEAD, LINKS, NOW, SETTINGS, TEMPLATES, VISIT, WHO, due, writer, written

REMINDER: Final = Template(name="afspraak_herinnering", text="Uw afspraak: {day_short} {hour}, {branch}. Komt u?")
ON_WHATSAPP: Final = SETTINGS.model_copy(update={"whatsapp": {"nl": {"appointment-reminder": REMINDER}}})


def test_on_whatsapp_what_meta_approved_is_filled_in_and_stands_in_the_story_as_they_read_it() -> None:
    head = HEAD._replace(settings=ON_WHATSAPP)
    told = written(due("appointment-reminder", "whatsapp"), head)
    assert (told.template, told.values) == ("afspraak_herinnering/nl", ("do 12 nov", "10:30", "Stadhuis"))
    assert (told.text, told.title, told.inbox) == ("Uw afspraak: do 12 nov 10:30, Stadhuis. Komt u?", "", "main")
    [kept] = writer(head).kept(due("appointment-reminder", "whatsapp"), told)
    assert kept.text_digest == sha256(REMINDER.model_dump_json().encode()).hexdigest()
    answer = written(due(RECEIVED, "whatsapp", kind="whatsapp"), head)  # They wrote a moment ago: the window is open.
    assert (answer.template, answer.values) == ("", ())


@pytest.mark.parametrize(("template", "language"), [("appointment-booked", "nl"), ("appointment-reminder", "en")])
def test_what_meta_approved_no_template_for_takes_the_next_road(template: str, language: str) -> None:
    outcome = writer(HEAD._replace(settings=ON_WHATSAPP)).written(due(template, "whatsapp", language=language))
    assert outcome == NotificationFailed(at=NOW, notification_id="n1", channel="whatsapp", reason="no-template")


@pytest.mark.parametrize("text", ["Uw code: {code}", "Zaak {title}", "{nothing}", "{day", "{day!r}", ""])
def test_a_template_has_no_gap_that_may_be_a_secret_or_is_none_of_ours(text: str) -> None:
    with pytest.raises((ValidationError, Refused)):
        Template(name="x", text=text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_letter_is_whole_and_speaks_of_no_mail_and_of_no_link(language: str) -> None:
    head = HEAD._replace(letters=True)
    for template in set(TEMPLATES) - {RECEIVED, "appointment-reminder", *ASKS}:
        letter = written(due(template, "letter", language=language, address="J. Bakker, Kade 2, 1234 AB Ons"), head)
        assert letter.title
        assert letter.text.endswith("Gemeente Voorbeeld")
        assert "14 020" in letter.text
        assert not re.search(r"mail|https|\{", letter.text)
        assert (letter.inbox, letter.calendar, letter.unsubscribe) == ("main", "", "")


def test_where_nothing_is_printed_or_no_letter_was_worded_the_next_road_follows() -> None:
    said: dict[str, Any] = {"at": NOW, "notification_id": "n1", "channel": "letter"}
    assert writer().written(due(channel="letter")) == NotificationFailed(**said, reason="no-road")
    reminder = writer(HEAD._replace(letters=True)).written(due("appointment-reminder", "letter"))
    assert reminder == NotificationFailed(**said, reason="not-written")


def test_only_a_mail_of_a_kind_that_may_be_off_says_where_to_switch_it_off() -> None:
    ours = {"about": f"appointment/{VISIT}", "party_id": WHO}
    for template in set(TEMPLATES) - {RECEIVED}:
        mail, kind = written(due(template, **ours)), kind_of(template)
        assert bool(mail.unsubscribe) == (kind in OPTIONAL)
        assert written(due(template, "sms", **ours)).unsubscribe == ""
        if mail.unsubscribe:
            token = mail.unsubscribe.rpartition("/")[2]
            opened = LINKS.read(f"{UNSUBSCRIBE}/{kind}", token)
            assert opened
            assert opened.name == WHO
            assert mail.unsubscribe in mail.text or template in ASKS  # Who is asked says it where they answer.
            others = {PARTY, APPOINTMENT, *(f"{UNSUBSCRIBE}/{one}" for one in KINDS if one != kind)}
            assert not any((link := LINKS.read(one, token)) and link.name == WHO for one in others)
    assert written(due("appointment-reminder", party_id="unknown.x")).unsubscribe == ""
