"""Who was helped is asked what they think: once in thirty days, no program is, and never of several things at once."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st

from engine.testing import Scene, given
from schemas.address import AddressOwned
from schemas.appointment import AppointmentBooked, AppointmentServed
from schemas.case import CaseClosed, CaseOpened, CaseReopened
from schemas.contact import (
    ContactAnswered,
    ContactFiled,
    ContactIdentified,
    ContactNoted,
    ContactPlaced,
    ContactReceived,
    ContactUnidentified,
)
from schemas.conversation import ConversationClosed, ConversationContinued
from schemas.event import Event, fact
from schemas.notification import NotificationRequested, NotificationSent, NotificationWanted, Route
from schemas.opinion import OpinionAsked, OpinionDeclined, OpinionPrompted, OpinionWanted
from schemas.party import PartyAddressLinked, PartyAddressUnlinked, PartyMerged, PartyUnmerged
from schemas.timer import TimerElapsed, TimerSet
from services.notify.ended import FRESH, WAIT, ended
from services.notify.finished import LATER, finished_cases, finished_visits
from services.notify.opinion import APART, opinions
from services.notify.owners import owners
from services.notify.questions import questions
from services.notify.receipts import AGENT
from tests.contract.looks import everything
from tests.services.places import in_memory

NOW: Final = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
CALL: Final[dict[str, Any]] = {"channel": "phone", "kind": "phone", "address": "+31612345678"}
MAIL: Final[dict[str, Any]] = {"channel": "email", "kind": "email", "address": "j@mail.example"}


def on(contact: str = "c1") -> dict[str, Any]:
    return {"at": NOW, "contact_id": contact, "address_id": "a1"}


def received(contact: str = "c1", **said: Any) -> ContactReceived:
    return ContactReceived(**on(contact), **(CALL | said))


ANSWERED: Final = ContactAnswered(**on(), agent_id="k1")
CLOSED: Final = ConversationClosed(at=NOW, conversation_id="c1", address_id="a1", reason="ended")
ELAPSED: Final = TimerElapsed(at=NOW + WAIT, about="address/a1", name="notify.ended.c1", due=NOW + WAIT)
HELPED: Final = (received(), ANSWERED, CLOSED)


def outcomes(scene: Scene[Any], kind: type[Event]) -> list[Any]:
    return [kind.model_validate_json(one.data) for one in scene._outcomes if one.type == kind.type]


def prompted(*past: Event) -> list[OpinionPrompted]:
    return outcomes(given(ended, *past).when(ELAPSED), OpinionPrompted)


def test_who_called_and_was_answered_could_be_asked_an_hour_after_the_call() -> None:
    wait = TimerSet(at=NOW, about="address/a1", name="notify.ended.c1", due=NOW + WAIT)
    given(ended, received(), ANSWERED).when(CLOSED).then(wait)
    [one] = prompted(*HELPED)
    assert (one.party_id, one.about, one.channel, one.road) == ("unknown.a1", "contact/c1", "phone", "sms")
    assert (one.happened_at, one.until) == (NOW, NOW + WAIT + FRESH)


@pytest.mark.parametrize(
    "past",
    [
        (received(), CLOSED),  # Nobody answered.
        (received(), ANSWERED, ContactNoted(**on(), agent_id="k1", result="call-back"), CLOSED),
        (received(), ANSWERED, CLOSED.model_copy(update={"reason": "crowded"})),
        (received(**MAIL, robot="auto-reply"), ANSWERED, CLOSED),
        (received(**MAIL | {"address": "no-reply@mail.example"}), ANSWERED, CLOSED),
        (received(**MAIL, flags=("unverified-sender",)), ANSWERED, CLOSED),
        (received(address="+31201234567"), ANSWERED, CLOSED),  # No text message reaches it.
        (*HELPED, ConversationContinued(**on("c2"), conversation_id="c1")),  # It goes on.
        (received(product="paspoort"), ANSWERED, received("c2", product="rijbewijs"),
         ConversationContinued(**on("c2"), conversation_id="c1"),
         ContactAnswered(**on("c2"), agent_id="k1"), CLOSED),  # Of which would a score be?
        (received(), ANSWERED, ContactPlaced(**on(), kind="permit"), ContactPlaced(**on(), kind="bijstand"), CLOSED),
    ],
)  # fmt: skip
def test_nobody_is_asked_where_it_does_not_fit(past: tuple[Event, ...]) -> None:
    assert prompted(*past) == []


def test_what_the_agent_noted_after_the_call_is_known_when_it_is_decided() -> None:
    noted = ContactNoted(**on(), agent_id="k1", product="paspoort", result="answered")
    [one] = prompted(*HELPED, noted, ContactPlaced(**on(), case_id="z1", kind="bijstand"))
    assert (one.product, one.kind) == ("paspoort", "bijstand")


def test_who_was_helped_at_the_counter_could_be_asked_however_the_agent_wrote_it_down() -> None:
    visit = received(channel="counter")
    noted = ContactNoted(**on(), agent_id="k1", product="paspoort", result="answered")
    [one] = prompted(visit, noted, CLOSED)
    assert (one.channel, one.product, one.road) == ("counter", "paspoort", "sms")
    for other in ({"result": "passed-on"}, {"result": "unknown"}, {"agent_id": AGENT}):  # As which JA is noted.
        assert prompted(visit, noted.model_copy(update=other), CLOSED) == []


def test_a_party_is_asked_where_it_is_certain_who_it_is_and_never_chosen_between_several() -> None:
    one, other = (AddressOwned(at=NOW, address_id="a1", party_id=name) for name in ("p1", "p2"))
    assert [each.party_id for each in prompted(*HELPED, one)] == ["p1"]
    assert [each.party_id for each in prompted(*HELPED, one, other)] == ["unknown.a1"]
    no_more = other.model_copy(update={"owned": False})
    assert [each.party_id for each in prompted(*HELPED, one, other, no_more)] == ["p1"]
    theirs = ContactPlaced(**on(), party_id="p3")
    assert [each.party_id for each in prompted(*HELPED, one, other, theirs)] == ["p3"]
    not_theirs = theirs.model_copy(update={"placed": False})
    assert [each.party_id for each in prompted(*HELPED, one, theirs, not_theirs)] == ["p1"]


def test_whose_an_address_or_a_contact_is_is_said_to_the_address() -> None:
    linked = PartyAddressLinked(
        at=NOW, party_id="p1", address_id="a1", channel="email", address="j@mail.example", certainty="certain"
    )
    owned = AddressOwned(at=NOW, address_id="a1", party_id="p1")
    given(owners).when(linked).then(owned)
    gone = owned.model_copy(update={"owned": False})
    given(owners).when(linked.model_copy(update={"certainty": "proposed"})).then(gone)
    given(owners).when(PartyAddressUnlinked(at=NOW, party_id="p1", address_id="a1")).then(gone)
    identified = ContactIdentified(**on(), party_id="p1", certainty="certain")
    given(owners).when(identified).then(ContactPlaced(**on(), party_id="p1"))
    not_them = ContactPlaced(**on(), party_id="p1", placed=False)
    given(owners).when(ContactUnidentified(**on(), party_id="p1")).then(not_them)


OPENED: Final = CaseOpened(at=NOW, case_id="z1", party_id="p1", kind="permit", title="Een dakkapel")
SHUT: Final = CaseClosed(at=NOW, case_id="z1", outcome="granted")
DAY_AFTER: Final = TimerElapsed(
    at=NOW + LATER, about="case/z1", name="notify.finished-cases", due=NOW + LATER
)  # fmt: skip


def test_of_a_case_is_asked_a_day_after_it_is_closed_unless_it_goes_on() -> None:
    [one] = outcomes(given(finished_cases, OPENED, SHUT).when(DAY_AFTER), OpinionPrompted)
    assert (one.party_id, one.about, one.channel, one.kind) == ("p1", "case/z1", "case", "permit")
    given(finished_cases, OPENED, SHUT, CaseReopened(at=NOW, case_id="z1")).when(DAY_AFTER).then()
    for quiet in (
        (OPENED, SHUT.model_copy(update={"inform": False})),
        (OPENED.model_copy(update={"main_id": "z0"}), SHUT),
    ):
        given(finished_cases, *quiet).when(DAY_AFTER).then()


@pytest.mark.parametrize("certainty", ["certain", "proposed"])
def test_the_kind_of_a_case_is_said_to_the_contacts_in_it_whichever_was_told_first(certainty: str) -> None:
    filed = ContactFiled.model_validate(on() | {"case_id": "z1", "certainty": certainty})
    placed = ContactPlaced(**on(), case_id="z1", kind="permit")
    given(finished_cases, OPENED).when(filed).then(placed)
    given(finished_cases, filed).when(OPENED).then(placed)


def test_who_was_helped_at_the_counter_is_asked_an_hour_later_once() -> None:
    booked = AppointmentBooked(
        at=NOW, appointment_id="v1", party_id="unknown.v1", product="paspoort", branch="main", starts_at=NOW,
        kind="email", address="j@mail.example", address_id="a1",
    )  # fmt: skip
    served = AppointmentServed(at=NOW, appointment_id="v1")
    wait = TimerSet(at=NOW, about="appointment/v1", name="notify.finished-visits", due=NOW + WAIT)
    given(finished_visits, booked).when(served, served).then(wait)
    woken = TimerElapsed(at=NOW + WAIT, about="appointment/v1", name=wait.name, due=wait.due)
    [one] = outcomes(given(finished_visits, booked, served).when(woken), OpinionPrompted)
    assert (one.party_id, one.channel, one.product, one.road) == ("unknown.a1", "counter", "paspoort", "email")


def prompt(n: int = 0, at: datetime = NOW, **said: Any) -> OpinionPrompted:
    named: dict[str, Any] = {"opinion_id": f"o{n}", "party_id": "p1", "about": f"contact/c{n}", "channel": "phone"}
    return OpinionPrompted(at=at, happened_at=at, until=at + FRESH, **(named | said))


def test_a_party_is_asked_over_the_road_that_it_prefers() -> None:
    named: dict[str, Any] = {"at": NOW, "party_id": "p1", "about": "contact/c0", "happened_at": NOW}
    given(opinions).when(prompt()).then(
        OpinionWanted(**named, opinion_id="o0", channel="phone"),
        NotificationWanted(
            **named, notification_id="o0", template="opinion-contact", until=NOW + FRESH, happened_by="phone"
        ),
    )


def test_where_nobody_knows_who_it_is_the_address_is_asked() -> None:
    nobody: dict[str, Any] = {"party_id": "unknown.a1", "address_id": "a1", "road": "sms", "address": "+31612345678"}
    [asked] = outcomes(given(opinions).when(prompt(**nobody)), NotificationRequested)
    assert asked.routes == (Route(channel="sms", address="+31612345678", address_id="a1"),)
    given(opinions).when(prompt(**nobody | {"address": "+31201234567"})).then()
    given(opinions).when(prompt(**nobody | {"road": "unknown"})).then()


def test_what_was_over_long_ago_is_not_asked_about() -> None:
    given(opinions).when(prompt().model_copy(update={"until": NOW})).then()


def test_who_wants_it_no_more_is_never_asked_again() -> None:
    given(opinions, OpinionDeclined(at=NOW, party_id="p1")).when(prompt(at=NOW + 100 * APART)).then()


def merged(one: str, other: str) -> PartyMerged:
    return PartyMerged(at=NOW, party_id=one, merged_id=other)


MERGES: Final = {
    "the second into the first": (merged("p1", "p2"), merged("p2", "p3")),
    "the first into the second": (merged("p2", "p1"), merged("p3", "p2")),
    "from both sides": (merged("p1", "p2"), merged("p2", "p1"), merged("p1", "p3")),
    "the last knows of the others": (merged("p3", "p1"), merged("p3", "p2")),
    "the last with each of them": (merged("p2", "p3"), merged("p1", "p3")),
}


async def who_is_asked(*said: Event) -> list[tuple[str, datetime]]:
    """Each that is asked, and when, once these have happened one after the other."""
    async with in_memory() as engine:
        for nth, event in enumerate(said):
            await engine.append(fact(event, key=str(nth)))
            await engine.settle(opinions)
        log = await everything(engine)
        assert await engine.parked() == []
    wanted = [OpinionWanted.model_validate_json(one.data) for one in log if one.type == OpinionWanted.type]
    return [(one.party_id, one.at) for one in wanted]


@pytest.mark.parametrize("merges", MERGES.values(), ids=MERGES)
async def test_parties_that_are_one_are_asked_once_in_thirty_days(merges: tuple[PartyMerged, ...]) -> None:
    prompts = [prompt(n, NOW + n * timedelta(days=1), party_id=f"p{n}") for n in (3, 1, 2)]
    prompts.append(prompt(4, NOW + timedelta(days=3) + APART, party_id="p2"))
    assert await who_is_asked(*merges, *prompts) == [("p3", prompts[0].at), ("p2", prompts[3].at)]


@pytest.mark.parametrize("merges", MERGES.values(), ids=MERGES)
async def test_what_was_before_they_were_one_counts_for_all_of_them(merges: tuple[PartyMerged, ...]) -> None:
    later = [prompt(n, NOW + timedelta(days=n), party_id=f"p{n}") for n in (1, 2, 3)]
    for asked in ("p1", "p2", "p3"):
        first = prompt(0, party_id=asked)
        assert await who_is_asked(first, *merges, *later) == [(asked, NOW)]
        assert await who_is_asked(OpinionDeclined(at=NOW, party_id=asked), *merges, *later) == []
        assert await who_is_asked(*merges, OpinionDeclined(at=NOW, party_id=asked), *later) == []


async def test_parties_that_were_two_after_all_are_asked_each() -> None:
    sides = [PartyUnmerged(at=NOW, party_id=a, merged_id=b) for a, b in (("p1", "p2"), ("p2", "p1"))]
    prompts = [prompt(n, party_id=f"p{n}") for n in (1, 2)]
    told = await who_is_asked(merged("p1", "p2"), *sides, *prompts)
    assert told == [("p1", NOW), ("p2", NOW)]


@over(hours=st.lists(st.integers(0, 24 * 400), max_size=30))
@settings(max_examples=50, deadline=None)
def test_nobody_is_asked_twice_within_thirty_days_and_who_was_not_is_asked(hours: list[int]) -> None:
    moments = [NOW + timedelta(hours=hour) for hour in sorted(hours)]
    told = outcomes(given(opinions).when(*(prompt(n, at) for n, at in enumerate(moments))), OpinionWanted)
    expected: list[datetime] = []
    for at in moments:
        if not expected or at >= expected[-1] + APART:
            expected.append(at)
    assert [one.at for one in told] == expected


def test_it_was_asked_when_it_left_us_and_once_whichever_roads_it_took() -> None:
    wish = NotificationRequested(
        at=NOW, notification_id="o1", party_id="p1", about="contact/c1", template="opinion-contact",
        product="paspoort", happened_at=NOW, happened_by="phone",
    )  # fmt: skip
    sent = NotificationSent(at=NOW, notification_id="o1", channel="email", address_id="a1", reference="r")
    asked = OpinionAsked(
        at=NOW, opinion_id="o1", party_id="p1", address_id="a1", about="contact/c1", channel="phone",
        product="paspoort", happened_at=NOW, road="email",
    )  # fmt: skip
    given(questions, wish).when(sent, sent.model_copy(update={"channel": "sms"})).then(asked)
    given(questions, wish.model_copy(update={"template": "case-status"})).when(sent).then()
