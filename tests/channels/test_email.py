"""What mails of real clients mean, and what hostile ones do not."""

import hashlib
import json
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from channels import mime
from channels.channel import Message
from channels.email import Email, long, short
from channels.html import OPEN_MAX, safe_html, words_of
from channels.mime import Unreadable
from channels.posting import Letter, written
from schemas.event import DATA_BYTES_MAX, fact
from schemas.message import MessageBounced
from tests.channels.post import ADDRESS, NOW, SECRETS, contact, email, heard, plain, sample

CONVERSATION, MESSAGE = "0f8fad5b-d9cb-469f-a165-70867728950e", "7c9e6679-7425-40de-944b-e07fc1f90ae7"


def message(**changes: Any) -> Message:
    given = Message(
        message_id=MESSAGE,
        address_id=contact(plain()).address_id,
        address="jan@mail.example",
        inbox="info",
        text="Beste Jan,\n\n.\nFrom nu af aan is de balie open. Groet 🙂",
        title="Re: Vraag",
        thread_id=CONVERSATION,
        reply_to="a@mail.example",
        at=NOW,
    )
    return given._replace(**changes)


def letter(channel: Email, given: Message) -> Letter:
    return channel.letter(given)


def test_gmail_its_plain_words_and_its_files_and_who_wrote_it() -> None:
    read = heard(sample("gmail"))
    received = contact(sample("gmail"))
    assert received.text.startswith(
        "Goedemorgen,\n\nHoe lang duurt het voordat mijn paspoort klaar is? Ik ga 12 december"
    )
    assert received.text.endswith("✈️\n\nGroet, Joëlle")
    assert (received.address, received.profile) == ("joelle.devries@mail.example", "Joëlle de Vries")
    assert received.title == "Paspoort \u2013 hoe lang duurt het?"
    assert [(a.media_type, a.name) for a in received.attachments] == [("text/html", ""), ("image/png", "pasfoto.png")]
    assert received.raw == hashlib.sha256(sample("gmail")).hexdigest()
    assert {received.raw, *(a.digest for a in received.attachments)} == set(read.files)
    assert all(hashlib.sha256(data).hexdigest() == digest for digest, data in read.files.items())
    assert (received.robot, received.flags) == ("none", ())


def test_outlook_html_alone_is_read_as_words_in_its_own_letters() -> None:
    received = contact(sample("outlook"))
    assert received.text == (
        "De kosten zijn € 12,50. Klopt dat?\n\nDatum\tmaandag\nTijd\t10 uur\n\nVan: Gemeente <info@gemeente.example>"
    )
    assert received.profile == "Bakker, Piet"
    assert received.language == "nl"
    assert len(received.refers_to) == 2


def test_apple_mail_its_picture_is_a_file() -> None:
    received = contact(sample("apple"))
    assert received.text == "Hier ligt een tegel los.\n\nVerstuurd vanaf mijn iPhone"
    assert [a.name for a in received.attachments] == ["", "IMG_0042.png"]


@pytest.mark.parametrize(
    ("name", "robot"),
    [
        ("out-of-office", "auto-reply"),
        ("out-of-office-microsoft", "auto-reply"),
        ("auto-submitted-no", "none"),
        ("list", "list"),
        ("bounce-postfix", "bounce"),
        ("bounce-of-an-old-server", "bounce"),
        ("delayed", "bounce"),
    ],
)
def test_a_machine_is_known_from_a_person(name: str, robot: str) -> None:
    assert contact(sample(name)).robot == robot


@pytest.mark.parametrize(
    ("headers", "robot"),
    [
        ({"Auto_Submitted": "NO"}, "none"),
        ({"Auto_Submitted": "no (a person)"}, "none"),
        ({"Auto_Submitted": "auto-generated; x=y"}, "auto-reply"),
        ({"Precedence": "BULK"}, "list"),
        ({"Precedence": "Auto_Reply"}, "auto-reply"),
        ({"Precedence": "first-class"}, "none"),
        ({"List_Unsubscribe": "<https://lijst.example>"}, "list"),
        ({"X_Auto_Response_Suppress": "OOF"}, "auto-reply"),
        ({"X_Autoreply": "yes"}, "auto-reply"),
        ({"Return_Path": "<>"}, "auto-reply"),
        ({"Return_Path": "<jan@mail.example>"}, "none"),
    ],
)
def test_each_rule_of_rfc_3834_holds(headers: dict[str, str], robot: str) -> None:
    assert contact(plain(**headers)).robot == robot


@pytest.mark.parametrize(
    ("name", "reason"),
    [("bounce-postfix", "no-such-address"), ("bounce-gmail", "mailbox-full"), ("bounce-exchange", "refused")],
)
def test_what_came_back_names_our_message_and_why(name: str, reason: str) -> None:
    own = letter(email(), message()).own_id
    received, bounced = (told.event for told in heard(sample(name).replace(b"ORIGINAL", own.encode())).facts)
    assert bounced == MessageBounced(
        at=NOW, message_id=MESSAGE, address_id=message().address_id, channel="email", reason=reason
    )
    assert getattr(received, "robot") == "bounce"  # noqa: B009  # One of several kinds of event.


def test_a_delay_is_recorded_and_is_no_bounce() -> None:
    own = letter(email(), message()).own_id
    facts = heard(sample("delayed").replace(b"ORIGINAL", own.encode())).facts
    assert len(facts) == 1
    assert contact(sample("delayed")).flags == ("temporary",)


@pytest.mark.parametrize(
    "original", ["somebody.else@mail.example", "forged.aaaaaaaaaaaaaaaaaaaaaaaaaa@gemeente.example"]
)
def test_nobody_can_make_a_message_bounce_that_he_did_not_get(original: str) -> None:
    assert len(heard(sample("bounce-postfix").replace(b"ORIGINAL", original.encode())).facts) == 1


def test_what_came_back_to_our_envelope_is_known_without_its_own_header() -> None:
    sent = letter(email(), message())
    raw = sample("bounce-postfix").replace(
        b"Delivered-To: info@gemeente.example", b"Delivered-To: " + sent.envelope.encode()
    )
    (_, bounced) = (told.event for told in heard(raw).facts)
    assert isinstance(bounced, MessageBounced)
    assert (bounced.message_id, bounced.address_id) == (MESSAGE, message().address_id)


def test_an_answer_to_our_address_with_its_token_finds_its_thread() -> None:
    reply_to = letter(email(), message()).reply_to
    assert contact(plain(To=f"Gemeente <{reply_to}>")).thread_id == CONVERSATION
    assert contact(plain(To=reply_to.upper())).thread_id == CONVERSATION
    assert contact(plain(Delivered_To=reply_to)).thread_id == CONVERSATION


def test_an_answer_to_our_message_id_finds_its_thread() -> None:
    own = letter(email(), message()).own_id
    assert contact(plain(In_Reply_To=f"<{own}>")).thread_id == CONVERSATION
    assert contact(plain(References=f"<x@y>\r\n <{own}>\r\n <z@y>")).thread_id == CONVERSATION


def test_a_forged_token_finds_nothing_and_a_subject_never_does() -> None:
    sent = letter(email(), message())
    assert contact(plain(To=sent.reply_to.replace("info+", "info+a"))).thread_id == ""
    assert contact(plain(In_Reply_To=f"<a{sent.own_id}>")).thread_id == ""
    assert contact(plain(Subject=f"Re: {sent.own_id} {sent.reply_to}")).thread_id == ""
    # A token of one kind is none of another.
    assert contact(plain(To=sent.envelope)).thread_id == ""


def test_what_we_send_has_room_before_the_at() -> None:
    sent = letter(email(), message())
    assert max(len(address.partition("@")[0]) for address in (sent.reply_to, sent.envelope)) <= 64


@pytest.mark.parametrize(
    "name", [CONVERSATION, "m1", "", "A~b.c", "x" * 40, CONVERSATION.upper(), "abcdefghijklmnopqrstuvwxyz"]
)
def test_an_id_that_was_shortened_is_the_same_again(name: str) -> None:
    assert long(short(name)) == name


def test_the_same_mail_twice_is_one_and_in_two_mailboxes_two() -> None:
    once, again = contact(plain()), contact(plain())
    trace = b"Received: from a by b; Mon, 23 Nov 2026 09:00:00 +0100\r\nX-Spam-Score: 1\r\n"
    assert once.contact_id == again.contact_id == contact(trace + plain()).contact_id
    assert contact(plain(), inbox="other").contact_id != once.contact_id


def test_one_message_id_on_two_mails_loses_neither() -> None:
    assert contact(plain("Een")).contact_id != contact(plain("Twee")).contact_id
    assert contact(plain("Een")).digest == contact(plain("Twee")).digest


def test_a_mail_without_message_id_is_known_by_its_bytes() -> None:
    bare = plain(Message_ID="")
    assert contact(bare).contact_id == contact(bare).contact_id != contact(plain("x", Message_ID="")).contact_id
    assert (contact(bare).digest, contact(bare).reference) == ("", "")


def test_folded_headers_are_one_line() -> None:
    received = contact(sample("folded"))
    assert received.reference == "gevouwen@mail.example"
    assert received.title == "Een onderwerp dat over twee regels loopt"
    assert received.address == "jan@mail.example"
    assert len(received.refers_to) == 2


def test_hostile_html_shows_its_words_only() -> None:
    received = contact(sample("hostile-html"))
    assert received.text == "klik en hier\n\nDag & groet"
    assert received.title == "Hallo Bcc: iedereen@kwaad.example"
    assert received.flags == ("reply-elsewhere",)
    assert [a.name for a in received.attachments] == ["", "plaatje.svg"]
    html = heard(sample("hostile-html")).files[received.attachments[0].digest]
    shown = safe_html(html)
    assert not any(
        word in shown for word in ("script", "svg", "img", "form", "input", "style", "alert", "iframe", "pixel")
    )
    assert '<a href="https://kwaad.example/" rel="noopener noreferrer nofollow">en hier</a>' in shown
    assert "<p>Dag &amp; groet</p>" in shown


@pytest.mark.parametrize(
    ("piece", "times"), [("<div>", 200_000), ("<div></x>", 30_000), ("<", 300_000), ("<b>", OPEN_MAX + 1)]
)
def test_html_that_is_nested_on_purpose_takes_no_minutes_and_keeps_no_tag(piece: str, times: int) -> None:
    written = piece * times + "diep"
    assert len(words_of(written)) <= len(written)
    assert not any(tag in safe_html(written.encode()) for tag in ("<div", "<b>", "<<"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("no-boundary", "Er is geen grens, en toch staat hier iets."),
        ("wrong-charset", "Ligt er een café aan de gracht?"),
    ],
)
def test_what_is_written_wrongly_is_read_all_the_same(name: str, text: str) -> None:
    assert contact(sample(name)).text == text


def test_what_says_it_is_utf_8_and_is_not_is_read_all_the_same() -> None:
    assert contact(plain("café").replace("é".encode(), b"\xe9")).text == "café"


def nested(levels: int) -> bytes:
    head = "".join(f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n" for n in range(levels))
    return f"From: jan@mail.example\r\n{head}Content-Type: text/plain\r\n\r\ndiep\r\n".encode()


def test_a_hundred_levels_are_not_opened_and_that_is_said() -> None:
    assert contact(nested(10)).text == "diep"
    received = contact(nested(100))
    assert (received.text, received.flags) == ("", ("cut-off",))


@pytest.mark.parametrize(
    ("raw", "cause"),
    [
        (lambda: b"", "empty"),
        (lambda: b"From: a@b.example\r\nX: " + b"x" * mime.HEADER_BYTES_MAX + b"\r\n\r\nDag", "huge-headers"),
        (lambda: nested(mime.CONTAINERS_MAX + 1), "too-deep"),
        (lambda: plain("--x\r\n" * (mime.FENCES_MAX + 1)), "too-many-parts"),
        (lambda: plain() + b"x" * mime.RAW_BYTES_MAX, "too-large"),
        (lambda: b"\r\nwithout a head", "no-headers"),
    ],
)
def test_what_cannot_be_opened_safely_says_why(raw: Callable[[], bytes], cause: str) -> None:
    with pytest.raises(Unreadable) as refused:
        contact(raw())
    assert refused.value.cause == cause


@pytest.mark.parametrize(
    ("sign", "times", "cut"),
    [('"', 20_000, True), ("🙂", 20_000, True), ("\x01", 20_000, False), ("é\n", 20_000, True), ("a", 2_000_000, True)],
)
def test_a_long_text_is_cut_and_fits_in_an_event(sign: str, times: int, cut: bool) -> None:
    received = contact(plain(sign * times))
    assert len(fact(received, key="k").data.encode()) < DATA_BYTES_MAX
    assert ("cut-off" in received.flags) == cut


def test_a_bomb_in_a_zip_is_a_file_like_any_other_and_is_never_opened() -> None:
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as bomb:
        bomb.writestr("bom", bytes(100_000_000))
    data = packed.getvalue()
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = "jan@mail.example", ADDRESS, "Bijlage"
    mail.set_content("Zie bijlage.")
    mail.add_attachment(data, maintype="application", subtype="zip", filename="bewijs.zip")
    [file] = contact(bytes(mail)).attachments
    assert (file.name, file.media_type, file.size_bytes) == ("bewijs.zip", "application/zip", len(data))
    assert file.digest == hashlib.sha256(data).hexdigest()
    assert heard(bytes(mail)).files[file.digest] == data


def test_many_files_with_long_names_fit_in_an_event() -> None:
    part = "--x\r\nContent-Type: image/png; name*=utf-8''{}\r\n\r\n{}\r\n"
    head = f"From: a@b.example\r\nReferences: {' '.join(f'<{n}@x>' for n in range(900))}\r\n"
    body = "".join(part.format("%F0%9F%99%82" * 150, n) for n in range(60))
    raw = f"{head}Content-Type: multipart/mixed; boundary=x\r\n\r\n{body}--x--\r\n".encode()
    text = ("--x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + "🙂" * 20_000 + "\r\n").encode()
    received = contact(raw.replace(b"--x\r\n", text + b"--x\r\n", 1))
    assert len(received.attachments) == mime.FILES_MAX
    assert len(received.refers_to) == 20
    assert "cut-off" in received.flags
    assert len(fact(received, key="k").data.encode()) < DATA_BYTES_MAX


@pytest.mark.parametrize(
    ("headers", "flag"),
    [
        ({"Authentication_Results": "mx.gemeente.example; dmarc=fail header.from=x"}, True),
        ({"Authentication_Results": "mx.gemeente.example; spf=softfail smtp.mailfrom=x; dkim=none"}, True),
        ({"Authentication_Results": "mx.gemeente.example; dmarc=pass; spf=fail"}, False),
        ({"Authentication_Results": "mx.gemeente.example; spf=pass (dmarc=fail); dkim=pass"}, False),
        ({"Authentication_Results": "mx.kwaad.example; dmarc=fail"}, False),
        ({"Authentication_Results": "mx.gemeente.example; dmarc=fail (; dmarc=pass)"}, True),
    ],
)
def test_only_the_server_that_we_trust_says_who_is_not_who_he_says(headers: dict[str, str], flag: bool) -> None:
    assert ("unverified-sender" in contact(plain(**headers)).flags) == flag


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("Jan, de Boer <jan@mail.example>", "jan@mail.example"),
        ("=?utf-8?q?evil=40x=2Eexample_=3C?= <JAN@mail.example>", "jan@mail.example"),
        ('"a@b.example" <jan@mail.example>', "jan@mail.example"),
        ("jan@mail.example (Jan)", "jan@mail.example"),
        ("Niemand", ""),
        ("=?punycode?q?" + "a" * 90 + "?= <jan@mail.example>", "jan@mail.example"),
    ],
)
def test_the_address_is_found_however_it_is_written(written: str, address: str) -> None:
    received = contact(plain(From=written))
    assert received.address == address
    assert received.address_id.startswith("unknown.") == (not address)


def test_a_bsn_in_the_text_is_flagged() -> None:
    assert contact(plain("Mijn nummer is 111222333.")).flags == ("bsn",)
    assert contact(plain("Mijn nummer is 111222334.")).flags == ()


def test_what_goes_out_is_the_same_to_the_byte_each_time() -> None:
    first = written(letter(email(), message()))
    assert first == written(letter(email(), message()))
    assert b"Message-ID: <" in first
    assert b"In-Reply-To: <a@mail.example>" in first.replace(b"\r\n ", b" ")
    assert b"Date: Mon, 23 Nov 2026 09:00:00 +0000" in first
    assert b"Auto-Submitted" not in first
    assert max(len(line) for line in first.split(b"\r\n")) < 998


def test_a_title_or_name_cannot_add_a_header() -> None:
    sly = "Hoi\r\nBcc: iedereen@kwaad.example\u2028\x00"
    out = written(letter(email(name=sly), message(title=sly, reply_to="x>\r\nBcc: a@b")))
    head = out.partition(b"\r\n\r\n")[0]
    assert not any(line.lower().startswith(b"bcc") for line in head.split(b"\r\n"))


def test_the_address_of_a_reply_is_the_senders_and_the_pepper_hides_it() -> None:
    assert ADDRESS not in contact(plain()).address_id
    assert SECRETS.pepper.decode() not in json.dumps(contact(plain()).model_dump(mode="json"))
