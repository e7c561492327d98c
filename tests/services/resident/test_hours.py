"""Which hours are free, and who gets one: exactly one, in whatever order it is asked, taken and left."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from hypothesis import given as forall
from hypothesis import settings
from hypothesis import strategies as st

from engine.processor import kept, step
from engine.testing import given, shown
from schemas.appointment import (
    AppointmentArrived,
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentChanged,
    AppointmentConfirmed,
)
from schemas.event import Envelope, Event, fact
from schemas.hour import HourAsked, HourGiven, HourLeft, HourOffered, HourRefused, HourTaken, Offer
from services.resident.hours import Day, choice, free_hours
from services.resident.moves import Hour, Move, moves

MONDAY: Final = datetime(2026, 11, 23, 9, tzinfo=UTC)
MIDNIGHT: Final = datetime(2026, 12, 2, 23, tzinfo=UTC)  # In Amsterdam.
NINE, TEN, ELEVEN = (datetime(2026, 12, 3, hour, tzinfo=UTC) for hour in (9, 10, 11))
THERE: Final[dict[str, Any]] = {"branch": "main", "product": "passport"}
DAY: Final[dict[str, Any]] = {**THERE, "day": "2026-12-03"}


def later(minutes: int) -> datetime:
    return MONDAY + timedelta(minutes=minutes)


def offers(*hours: datetime, at: datetime = MONDAY, places: int = 1) -> HourOffered:
    each = tuple(Offer(starts_at=hour, places=places) for hour in hours)
    return HourOffered(at=at, **DAY, since=MIDNIGHT, until=MIDNIGHT + timedelta(days=1), hours=each)


def asks(who: str, hour: datetime, at: datetime = MONDAY, instead_of: datetime = NINE, nth: int = 1) -> HourAsked:
    said: dict[str, Any] = {
        "appointment_id": who,
        "ask_id": f"{who}.{hour.hour}.{nth}",
        "starts_at": hour,
        "instead_of": instead_of,
    }
    return HourAsked(at=at, **DAY, **said)


def gives(ask: HourAsked) -> HourGiven:
    return HourGiven(**ask.model_dump(exclude={"day"}))


def refuses(ask: HourAsked, reason: str = "gone") -> HourRefused:
    return HourRefused(at=ask.at, appointment_id=ask.appointment_id, ask_id=ask.ask_id, reason=reason)


def takes(who: str, hour: datetime, hold: str = "agreed-1", at: datetime = MONDAY) -> HourTaken:
    return HourTaken(at=at, **DAY, appointment_id=who, hold_id=hold, starts_at=hour)


def leaves(who: str, hold: str = "agreed-1", at: datetime = MONDAY) -> HourLeft:
    return HourLeft(at=at, **DAY, appointment_id=who, hold_id=hold)


def free(*events: Event) -> dict[int, int]:
    """How many can still come, by the hour."""
    return {int(row["starts_at"][11:13]): row["free"] for row in shown(free_hours, *events)}


# Who gets it.


def test_of_two_who_ask_for_the_same_hour_the_first_has_it() -> None:
    first, second = asks("a1", TEN), asks("a2", TEN)
    given(choice, offers(TEN)).when(first, second).then(gives(first), refuses(second))
    assert free(offers(TEN, ELEVEN), first, second) == {11: 1}


def test_as_many_come_as_there_are_places() -> None:
    three = [asks(who, TEN) for who in ("a1", "a2", "a3")]
    given(choice, offers(TEN, places=2)).when(*three).then(gives(three[0]), gives(three[1]), refuses(three[2]))
    assert free(offers(TEN, places=2), three[0]) == {10: 1}


def test_what_is_not_offered_is_not_given() -> None:
    given(choice).when(asks("a1", TEN)).then(refuses(asks("a1", TEN)))
    given(choice, offers(TEN)).when(asks("a1", ELEVEN)).then(refuses(asks("a1", ELEVEN)))
    same = asks("a1", NINE)
    given(choice, offers(NINE, places=2), takes("a1", NINE)).when(same).then(refuses(same))


def test_an_hour_that_has_begun_is_not_given() -> None:
    late = asks("a1", TEN, at=TEN)
    given(choice, offers(TEN)).when(late).then(refuses(late, "past"))


def test_an_hour_that_somebody_has_by_agreement_is_not_free_until_they_leave_it() -> None:
    ask = asks("a2", TEN)
    given(choice, offers(TEN), takes("a1", TEN)).when(ask).then(refuses(ask))
    given(choice, offers(TEN), takes("a1", TEN), leaves("a1")).when(ask).then(gives(ask))
    assert free(offers(TEN), takes("a1", TEN)) == {}
    assert free(offers(TEN), takes("a1", TEN), leaves("a1")) == {10: 1}


def test_who_comes_back_to_an_hour_that_is_being_left_keeps_it() -> None:
    """They were moved away and ask for it again, before it is told that they left it."""
    back, other = asks("a1", TEN), asks("a2", TEN)
    past = (offers(TEN), takes("a1", TEN), back, leaves("a1"))
    given(choice, *past[:2]).when(back).then(gives(back))
    given(choice, *past).when(other).then(refuses(other))


# What is offered.


def test_a_list_takes_the_place_of_the_one_before_it_and_nobody_loses_an_hour_by_it() -> None:
    ask = asks("a1", TEN)
    past = (offers(TEN, ELEVEN), ask, offers(NINE, at=later(1)))
    assert free(*past) == {9: 1}
    assert free(*past, offers(TEN, ELEVEN, at=later(2))) == {11: 1}


def test_a_list_that_comes_late_or_twice_changes_nothing() -> None:
    old, new = offers(TEN), offers(ELEVEN, at=later(1))
    assert free(new, old) == free(old, new) == free(old, new, old, new) == {11: 1}
    ask = asks("a1", ELEVEN)
    assert free(new, ask, new) == {}


def test_a_part_of_a_day_leaves_the_other_part_as_it_is() -> None:
    noon = ELEVEN - timedelta(minutes=30)
    morning = offers(NINE, TEN, at=later(5)).model_copy(update={"until": noon})
    evening = offers(ELEVEN, at=later(1)).model_copy(update={"since": noon})
    assert free(morning, evening) == {9: 1, 10: 1, 11: 1}
    assert free(morning, evening, evening.model_copy(update={"at": later(2), "hours": ()})) == {9: 1, 10: 1}


# Whose hour it is.

BOOKED: Final = AppointmentBooked(at=MONDAY, appointment_id="a1", party_id="p1", starts_at=NINE, **THERE)


def moved(to: datetime, at: datetime, **more: object) -> AppointmentChanged:
    return AppointmentChanged(at=at, appointment_id="a1", branch="main", starts_at=to).model_copy(update=more)


def test_an_appointment_has_its_hour_until_it_is_off() -> None:
    off = AppointmentCancelled(at=later(1), appointment_id="a1", by="party")
    given(moves).when(BOOKED).then(takes("a1", NINE))
    given(moves, BOOKED).when(off, off).then(leaves("a1", at=later(1)))
    for told in ((off, moved(TEN, later(2))), (moved(TEN, later(2)), off)):
        assert given(moves, BOOKED, *told).knows("appointment/a1").hour == Hour(**THERE, starts_at=TEN)
    again = moved(NINE, later(2))
    given(moves, BOOKED, off).when(again).then(takes("a1", NINE, "agreed-2", later(2)))


def test_who_is_moved_by_the_desk_has_the_new_hour_and_leaves_the_old_one() -> None:
    change = moved(TEN, later(1))
    gone, new = leaves("a1", at=later(1)), takes("a1", TEN, "agreed-2", later(1))
    given(moves, BOOKED).when(change, change).then(gone, new)
    given(moves, change).when(BOOKED).then(takes("a1", TEN))  # Told in another order: it stands at ten.
    late = moved(ELEVEN, later(0))
    given(moves, BOOKED, change).when(late).then()


def test_what_is_given_is_a_move_by_the_party_and_the_old_hour_is_left() -> None:
    ask = asks("a1", TEN, at=later(5))
    scene = given(moves, BOOKED).when(gives(ask))
    scene.then(moved(TEN, later(5), by="party"), leaves("a1", at=later(5)))
    assert scene.knows("appointment/a1").asks == ((ask.ask_id, "moved"),)
    scene.when(moved(TEN, later(5), by="party")).then()  # Which is read as well.
    scene.when(moved(ELEVEN, later(9))).then(
        leaves("a1", ask.ask_id, later(9)), takes("a1", ELEVEN, "agreed-3", later(9))
    )


def test_a_move_is_later_than_all_that_was_said_before_it() -> None:
    """So who confirmed has not confirmed the new hour, by whichever clock."""
    ahead = AppointmentConfirmed(at=later(30), appointment_id="a1")
    scene = given(moves, BOOKED, ahead).when(gives(asks("a1", TEN, at=later(5))))
    after = later(30) + timedelta(microseconds=1)
    scene.then(moved(TEN, after, by="party"), leaves("a1", at=later(5)))


def test_an_appointment_that_is_otherwise_by_now_is_not_moved_and_the_hour_is_free_again() -> None:
    ask = asks("a1", TEN, at=later(5))
    back = leaves("a1", ask.ask_id, later(5))
    for meanwhile in (
        moved(ELEVEN, later(3)),
        AppointmentCancelled(at=later(3), appointment_id="a1", by="party"),
        AppointmentArrived(at=later(3), appointment_id="a1"),
        BOOKED.model_copy(update={"product": "licence", "at": later(3)}),
        moved(NINE, later(3), branch="north"),
    ):
        scene = given(moves, BOOKED, meanwhile).when(gives(ask))
        scene.then(back)
        assert scene.knows("appointment/a1").asks == ((ask.ask_id, "otherwise"),)
    begun = asks("a1", TEN, at=NINE)
    given(moves, BOOKED).when(gives(begun)).then(leaves("a1", begun.ask_id, NINE))
    given(moves).when(gives(ask)).then(back)


def test_a_refusal_is_known_and_changes_nothing() -> None:
    ask = asks("a1", TEN)
    scene = given(moves, BOOKED).when(refuses(ask))
    scene.then()
    assert scene.knows("appointment/a1").asks == ((ask.ask_id, "gone"),)


def test_a_product_that_could_never_be_offered_parks_no_appointment() -> None:
    odd = BOOKED.model_copy(update={"product": "p-123456782"})
    given(moves).when(odd, moved(TEN, later(1))).then()


# All of it, in any order.


class Log:
    """Both parts over one log, read in turns that a test decides. Each subject keeps its own order."""

    def __init__(self) -> None:
        self.waiting: dict[str, list[Envelope]] = defaultdict(list)
        self.states: dict[str, str] = {}
        self.told = 0

    def tell(self, event: Event) -> None:
        self.told += 1
        self.waiting[event.subject].append(fact(event, key=f"{self.told}"))

    def turn(self, nth: int) -> None:
        """One subject, of those that have something waiting, is read one event further."""
        if busy := sorted(subject for subject, events in self.waiting.items() if events):
            cause = self.waiting[busy[nth % len(busy)]].pop(0)
            part = choice if cause.subject.startswith("hour/") else moves
            if cause.type in part.reads:
                self.states[cause.subject], outcomes = step(part, self.states.get(cause.subject), cause)
                for outcome in outcomes:
                    self.waiting[outcome.subject].append(outcome)

    def rest(self) -> None:
        while any(self.waiting.values()):
            self.turn(0)

    def appointment(self, who: str) -> Move:
        return kept(Move, self.states.get(f"appointment/{who}"))

    def day(self) -> Day:
        return kept(Day, self.states.get("hour/main/passport/2026-12-03"))


class Turn(NamedTuple):
    """What somebody does, and who reads on before the next does something."""

    who: int
    what: str
    hour: int
    reads: tuple[int, ...]


TURNS: Final = st.lists(
    st.builds(
        Turn,
        st.integers(0, 2),
        st.sampled_from(["ask", "ask", "ask", "stale", "cancel", "offer"]),
        st.integers(0, 3),
        st.lists(st.integers(0, 5), max_size=6).map(tuple),
    ),
    max_size=14,
)


@settings(deadline=None, max_examples=150)
@forall(TURNS, st.integers(1, 2))
def test_no_hour_ever_has_more_holders_than_places(turns: list[Turn], places: int) -> None:
    """Whoever asks, cancels or offers, and whoever reads first; and at rest the day knows exactly who has what."""
    hours = [NINE + timedelta(hours=n) for n in range(4)]
    log, people = Log(), ["a1", "a2", "a3"]
    log.tell(offers(*hours, places=places))
    for nth, who in enumerate(people):  # Each has an hour of their own to begin with.
        log.tell(BOOKED.model_copy(update={"appointment_id": who, "starts_at": hours[nth]}))
    log.rest()
    for nth, (number, what, hour, reads) in enumerate(turns, 1):
        who, at = people[number], later(nth)
        saw = log.appointment(who).starts_at or NINE
        match what:
            case "ask" | "stale":
                log.tell(asks(who, hours[hour], at, saw if what == "ask" else hours[number], nth))
            case "cancel":
                log.tell(AppointmentCancelled(at=at, appointment_id=who, by="party"))
            case "offer":
                log.tell(offers(*hours[:hour], at=at, places=places))
        for read in reads:
            log.turn(read)
            crowded(log, people, places)
    log.rest()
    crowded(log, people, places)
    has = {(who, log.appointment(who).hold_id) for who in people if log.appointment(who).has}
    assert {(hold.appointment_id, hold.hold_id) for hold in log.day().holds} == has


def crowded(log: Log, people: list[str], places: int) -> None:
    held = [log.appointment(who).has for who in people]
    assert all(held.count(hour) <= places for hour in held if hour)
