"""A mail that a program wrote: it says so, comes as a page too, and brings an appointment for the calendar."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import Final

import pytest

from channels.channel import Message
from channels.posting import paged, written
from tests.channels.post import NOW, email

CALENDAR: Final = "BEGIN:VCALENDAR\r\nMETHOD:{}\r\nSUMMARY:Afspraak bij Zoë\r\nEND:VCALENDAR\r\n"
TOLD: Final = Message(
    message_id="5d2c6f4e-8a5b-5c1d-9e0f-1a2b3c4d5e6f",
    address_id="a1",
    address="jan@mail.example",
    inbox="info",
    text="Beste inwoner,\n\nWaar: <Stadhuis> & plein\nKomt u?\n\n.\nGroet",
    title="Uw afspraak",
    at=NOW,
    automatic=True,
    language="nl",
    calendar=CALENDAR.format("REQUEST"),
)


def bytes_of(message: Message) -> bytes:
    return written(email().letter(message))


def mail(message: Message = TOLD) -> EmailMessage:
    read = message_from_bytes(bytes_of(message), policy=SMTP)
    assert isinstance(read, EmailMessage)
    return read


def test_it_says_that_no_program_is_to_answer_and_in_which_language_it_is() -> None:
    read = mail()
    assert (read["Auto-Submitted"], read["X-Auto-Response-Suppress"], read["Content-Language"]) == (
        "auto-generated", "All", "nl",
    )  # fmt: skip


def test_what_answers_a_mail_says_so_and_stands_below_it() -> None:
    read = mail(TOLD._replace(reply_to="q1@mail.example", calendar=""))
    assert (read["Auto-Submitted"], read["X-Auto-Response-Suppress"]) == ("auto-replied", "All")
    assert read["In-Reply-To"] == read["References"] == "<q1@mail.example>"


def test_only_what_may_be_switched_off_offers_one_press_for_it() -> None:
    at = "https://draad.voorbeeld.nl/u/reminders/AAAAAAAAAAAAAAAAAAAAAAAAAA"
    read = mail(TOLD._replace(unsubscribe=at))
    assert read["List-Unsubscribe"] == f"<{at}>"
    assert read["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert b"\r\nList-Unsubscribe: <" in bytes_of(TOLD._replace(unsubscribe=at))  # On one line, as RFC 8058 shows it.
    assert (mail()["List-Unsubscribe"], mail()["List-Unsubscribe-Post"]) == (None, None)


def test_the_same_words_stand_in_it_as_text_and_as_a_page() -> None:
    kinds = [part.get_content_type() for part in mail().iter_parts()]
    assert kinds == ["text/plain", "text/html", "text/calendar"]
    text, page, _ = (part.get_content() for part in mail().iter_parts())
    assert text.replace("\r\n", "\n").strip() == TOLD.text
    assert '<html lang="nl">' in page
    assert "<p>Waar: &lt;Stadhuis&gt; &amp; plein<br>" in page.replace("\r\n", "\n")


def test_a_calendar_knows_what_to_do_with_it() -> None:
    for method in ("REQUEST", "CANCEL"):
        [*_, part] = mail(TOLD._replace(calendar=CALENDAR.format(method))).iter_parts()
        assert part["Content-Type"].params["method"] == method
        assert part.get_content().replace("\r\n", "\n") == CALENDAR.format(method).replace("\r\n", "\n")
    assert len([*mail(TOLD._replace(calendar="")).iter_parts()]) == 2


def test_it_is_the_same_to_the_byte_each_time_and_fits_on_any_line() -> None:
    assert bytes_of(TOLD) == bytes_of(TOLD)
    assert max(len(line) for line in bytes_of(TOLD).split(b"\r\n")) < 998


def test_no_word_of_a_resident_becomes_part_of_the_page() -> None:
    page = paged("<script>alert(1)</script>\n\n{0} {x} \"'&", "nl")
    assert "<script" not in page
    assert "{0} {x}" in page


@pytest.mark.parametrize(
    ("said", "link"),
    [
        ("Zie <https://x.nl/a/>.", "https://x.nl/a/"),
        ("(Of https://x.nl/a_(b)?)", "https://x.nl/a_(b"),
        ("Het is http://x.nl/b-, echt", "http://x.nl/b-"),
        ("Bij https://www.súdwest.nl/é/: daar", "https://www.súdwest.nl/é/"),
    ],
)
def test_a_link_is_as_long_as_it_was_written_and_no_longer(said: str, link: str) -> None:
    assert f'<a href="{link}">{link}</a>' in paged(said, "nl")


def test_words_that_lead_somewhere_are_the_link_and_say_whose_it_is() -> None:
    page = paged("Wat vindt u? Geef een cijfer: https://x.nl/o/1\nLiever niet? https://x.nl/u/2", "nl")
    assert '<p>Wat vindt u? <a href="https://x.nl/o/1">Geef een cijfer (x.nl)</a><br>\n' in page
    assert '<a href="https://x.nl/u/2">Liever niet? (x.nl)</a></p>' in page


def test_what_an_agent_wrote_comes_as_a_page_too_and_does_not_say_that_a_program_wrote_it() -> None:
    read = mail(TOLD._replace(automatic=False, language="unknown", calendar=""))
    assert [part.get_content_type() for part in read.iter_parts()] == ["text/plain", "text/html"]
    assert (read["Auto-Submitted"], read["X-Auto-Response-Suppress"], read["Content-Language"]) == (None, None, None)
    text, page = (part.get_content() for part in read.iter_parts())
    assert text.replace("\r\n", "\n").strip() == TOLD.text
    assert "<html>" in page
    assert "<title>Uw afspraak</title>" in page


def test_where_the_text_leads_the_page_leads_too_and_nowhere_else() -> None:
    page = paged("Kijk op https://x.nl/a/b-c_D?l=nl&x=1. Niet javascript:alert(1), ftp://x.nl of x.nl.", "nl")
    assert '<a href="https://x.nl/a/b-c_D?l=nl&amp;x=1">https://x.nl/a/b-c_D?l=nl&amp;x=1</a>. Niet' in page
    assert page.count("<a ") == 1
    quoted = paged('https://x.nl/"><script>x</script>', "nl")
    assert "<script" not in quoted
    assert quoted.count('"') == paged("https://x.nl/", "nl").count('"')
