"""What was told stands in the story of the address and of the case, short, with what became of it; and as no work."""

from datetime import UTC, datetime
from typing import Any, Final

from engine.processor import Projection
from engine.testing import shown
from schemas.case import CaseClosed, CaseStatusChanged, CaseSuspended
from schemas.contact import ContactMade
from schemas.event import Event
from schemas.message import MessageBounced, MessageDelivered, MessageFailed, MessageUnknown
from services.desk.entry import entry
from services.desk.story import Told
from services.desk.telling import tell
from services.desk.work import work_list

NOW: Final = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ON: Final[dict[str, Any]] = {"at": NOW, "message_id": "m1", "address_id": "a1", "channel": "email"}
mail = ContactMade(
    at=NOW, contact_id="m1", address_id="a1", agent_id="draad", channel="email", message_id="m1", thread_id="m1",
    title="Nieuws over: Paspoort", text="Beste inwoner,\n\nEr is nieuws over uw zaak, en nog veel meer dan dat.",
    about="case/k1", notification_id="n1", calendar="BEGIN:VCALENDAR",
)  # fmt: skip
by_hand = mail.model_copy(update={"notification_id": "", "about": "", "calendar": "", "agent_id": "g1"})


def story(*events: Event) -> list[Any]:
    return [*tell([Told(row, sure=True) for row in shown(entry, *events)])]


def waiting(*events: Event) -> list[Any]:
    view: Projection = work_list
    return [(row["kind"], row["why"]) for row in shown(view, *events)]


def test_it_is_short_and_says_what_became_of_it() -> None:
    [told] = story(mail, MessageDelivered(**ON))
    assert (told.title, told.head, told.by) == ("Bericht via E-mail", "Nieuws over: Paspoort", "automatisch")
    assert (told.excerpt, told.text) == ("Beste inwoner,\n\nEr is nieuws over uw zaak, en …", mail.text)
    assert told.state.label == "afgeleverd"
    [other] = story(by_hand)
    assert (other.title, other.by, other.excerpt) == ("Wij namen contact op via E-mail", "door g1", "")


def test_it_and_what_became_of_it_belong_to_the_case() -> None:
    rows = shown(entry, mail, MessageDelivered(**ON))
    assert [(row["case_id"], row["contact_id"]) for row in rows] == [("k1", "m1"), ("k1", "m1")]
    assert "VCALENDAR" not in rows[0]["detail"]


def test_what_did_not_arrive_is_no_work_as_long_as_another_road_follows() -> None:
    assert waiting(mail, MessageFailed(**ON, reason="refused")) == []
    assert waiting(mail, MessageBounced(**ON, reason="refused")) == []
    assert waiting(mail, MessageUnknown(**ON)) == [("message", "unknown")]  # A person has to look.
    assert waiting(by_hand, MessageFailed(**ON, reason="refused")) == [("message", "undelivered")]


def test_an_agent_reads_of_a_case_what_the_case_system_calls_it() -> None:
    on: dict[str, Any] = {"at": NOW, "case_id": "k1"}
    told = story(
        CaseStatusChanged(**on, status="wacht-op-u", named="Wacht op u", says="Wij missen nog een papier."),
        CaseStatusChanged(**on, status="in-behandeling"),
        CaseSuspended(**on, reason="case-system"),
        CaseClosed(**on, outcome="removed", inform=False),
    )
    assert [one.detail for one in told] == [
        "Wacht op u",
        "in behandeling",
        "volgens het zaaksysteem",
        "uit het zaaksysteem verwijderd",
    ]
