"""A resident is told first: her appointment and her case reach her by mail, once each, whatever fails in between."""

import json
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from hashlib import sha256
from typing import Any, Final

import pytest

from services.notify.proof import fault
from tests.running import aside
from tests.story.town import MAIL, Town, eventually, told

TOLD: Final = """
[branches.main]
title = "Stadhuis"

[notify]
organisation = "Gemeente Voorbeeld"
phone = "14 020"
email_inbox = "info"

[notify.statuses.passport.ready]
title = "klaar om op te halen"
says = "Uw paspoort ligt klaar."
"""


@pytest.mark.timeout(300)
def test_she_hears_of_her_appointment_and_her_case_by_mail_and_of_each_thing_once(town: Town) -> None:
    starts = datetime.now(UTC) + timedelta(days=9)
    (town.folder / "site.toml").write_text(TOLD)
    with town.open():
        party = says(town, "/v1/parties", "p", name="Joëlle Bakker")["party_id"]
        where = {"kind": "email", "value": MAIL}
        says(town, f"/v1/parties/{party}/addresses", "a", address=where)
        says(
            town, "/v1/appointments", "b", reference="jcc-1", product="passport", party_id=party,
            starts_at=starts.isoformat(),
        )  # fmt: skip
        case = says(town, "/v1/cases", "k", party_id=party, kind="passport", title="Paspoort aanvragen")["case_id"]
        town.power_cut()
    with town.open():
        eventually(lambda: len(town.relay.taken) == 2)
        says(town, f"/v1/cases/{case}/status", "s", status="ready")
        says(town, "/v1/appointments/cancellations", "c", reference="jcc-1", by="party")
        eventually(lambda: len(town.relay.taken) == 4)
        eventually(lambda: len(town.facts("notification.sent")) == 4)
        eventually(lambda: reads(town, f"/v1/cases/{case}/timeline").count("message.sent") == 2)
        assert reads(town, f"/v1/cases/{case}/timeline").count("contact.made") == 2
        named = [one["notification_id"] for one in town.facts("notification.sent")]
        dossiers = [town.draad.client.get(f"/v1/notifications/{name}/proof").json() for name in named]
        doctor = aside(town.folder / "draad.db", "doctor", **town.settings).stdout
        assert "Of every change of the last two days residents were told, or there is a reason." in doctor
    mails = [mail(taken) for taken in town.relay.taken]
    assert sorted(str(one["Subject"]).split(" op ")[0] for one in mails) == [
        "Nieuws over: Paspoort aanvragen",
        "Uw afspraak",
        "Uw afspraak",
        "Wij zijn begonnen met: Paspoort aanvragen",
    ]
    assert {one["To"] for one in mails} == {MAIL}
    assert len({one["Message-ID"] for one in mails}) == 4
    assert all(one["Auto-Submitted"] == "auto-generated" for one in mails)
    news = next(words(one) for one in mails if str(one["Subject"]).startswith("Nieuws"))
    assert "De status is nu: klaar om op te halen.\nUw paspoort ligt klaar." in news
    assert {method(one) for one in mails} == {"", "REQUEST", "CANCEL"}
    assert town.facts("notification.failed") == []
    for dossier in dossiers:
        assert (fault(dossier), dossier["level"]) == ("", "aangeboden")  # No relay says that a mail arrived.
        assert dossier["entries"][0]["type"] == "notification.wanted"
    sent = {digest(fact) for fact in town.facts("contact.made")}
    assert {one["words_digest"] for each in dossiers for one in each["entries"] if "words_digest" in one} == sent


def digest(made: dict[str, Any]) -> str:
    """Of the words that left, as anybody can make it again."""
    words = [made["title"], made["text"], made.get("calendar", "")]
    return sha256(json.dumps(words, ensure_ascii=False).encode()).hexdigest()


@pytest.mark.timeout(300)
def test_who_mails_hears_once_that_we_have_it_below_what_she_wrote_and_still_waits_for_an_answer(town: Town) -> None:
    (town.folder / "site.toml").write_text(TOLD + "\n[form]\nanswer_days = 3\n")
    with town.open():
        town.mails("Wanneer is mijn paspoort klaar?", Subject="Mijn paspoort", Message_ID="<q1@mail.example>")
        told(town, 1)
        [ours] = [mail(taken) for taken in town.relay.taken]
        assert (ours["Subject"], ours["In-Reply-To"]) == ("Re: Mijn paspoort", "<q1@mail.example>")
        assert (ours["Auto-Submitted"], ours["To"]) == ("auto-replied", MAIL)
        assert "Een medewerker leest het." in words(ours)
        town.power_cut()
    with town.open():
        # She adds something, and then her mail program says that she is away.
        town.mails("En mijn rijbewijs?", Message_ID="<q2@mail.example>", In_Reply_To=ours["Message-ID"])
        away = {"Auto_Submitted": "auto-replied", "In_Reply_To": ours["Message-ID"]}
        town.mails("Ik ben er niet.", Message_ID="<q3@mail.example>", **away)
        eventually(lambda: len(town.facts("contact.received")) == 3, 120)  # Who held the mailbox has died.
        eventually(lambda: len(town.facts("conversation.continued")) == 3)  # Ours, and her two.
        eventually(lambda: len(town.facts("notification.sent")) == 1)
        waiting = town.draad.client.get("/v1/work").json()
    assert len(town.relay.taken) == 1
    assert len(town.facts("conversation.opened")) == 1
    assert [item["why"] for item in waiting["items"]] == ["unanswered"]


@pytest.mark.timeout(300)
def test_a_mailbox_that_is_no_more_is_not_written_to_again_until_she_writes_from_it(town: Town) -> None:
    (town.folder / "site.toml").write_text(TOLD)
    with town.open():
        party = says(town, "/v1/parties", "p", name="Joëlle Bakker")["party_id"]
        says(town, f"/v1/parties/{party}/addresses", "a", address={"kind": "email", "value": MAIL})
        town.relay.fault, town.relay.answer = "rcpt", "550 5.1.1 no such user"
        says(town, "/v1/cases", "k1", party_id=party, kind="passport", title="Paspoort aanvragen")
        eventually(lambda: len(town.facts("address.suppressed")) == 1)
        eventually(lambda: len(town.facts("task.opened")) == 1)  # A person tells it.
        town.relay.fault = ""
        says(town, "/v1/cases", "k2", party_id=party, kind="passport", title="Rijbewijs aanvragen")
        eventually(lambda: len(town.facts("task.opened")) == 2)
        assert [one["reason"] for one in town.facts("notification.failed")] == ["no-such-address"] * 2
        assert (len(town.facts("message.requested")), town.relay.taken) == (1, [])
        town.mails("Mijn mailbox doet het weer.", Message_ID="<q1@mail.example>")
        eventually(lambda: len(town.facts("address.restored")) == 1)
        eventually(lambda: len(town.relay.taken) == 1)  # That we have it.
        says(town, "/v1/cases", "k3", party_id=party, kind="passport", title="Uittreksel aanvragen")
        eventually(lambda: len(town.relay.taken) == 2)
    assert len(town.facts("task.opened")) == 2


def reads(town: Town, path: str) -> list[str]:
    """What an agent finds in the story."""
    return [entry["type"] for entry in town.draad.client.get(path).json()["entries"]]


def says(town: Town, path: str, key: str, **body: Any) -> dict[str, Any]:
    """Twice, as a program does that did not hear the answer."""
    for _ in range(2):
        answer = town.draad.client.post(path, json=body, headers={"Idempotency-Key": key})
        assert answer.status_code == 201, answer.text
    return dict(answer.json())


def mail(taken: bytes) -> EmailMessage:
    read = message_from_bytes(taken, policy=SMTP)
    assert isinstance(read, EmailMessage)
    return read


def words(read: EmailMessage) -> str:
    body = read.get_body(("plain",))
    assert body
    return str(body.get_content()).replace("\r\n", "\n")


def method(read: EmailMessage) -> str:
    found = [part["Content-Type"].params["method"] for part in read.walk() if part.get_content_subtype() == "calendar"]
    return found[0] if found else ""
