"""What a reminder did is seen at the appointment that it was for, and counted by wording, road and how far it came."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from draad.parts import NOTIFY
from engine.testing import given, shown
from schemas.appointment import (
    AppointmentArrived,
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentChanged,
    AppointmentNoShow,
    AppointmentReminded,
    AppointmentServed,
)
from schemas.errors import Refused
from schemas.event import Event, fact
from schemas.notification import (
    NotificationDelivered,
    NotificationFailed,
    NotificationRequested,
    NotificationSent,
    NotificationWritten,
)
from services.notify.effect import effects
from services.notify.reminded import reminded
from services.notify.texts import USUAL, Wording, Written, read_texts
from tests.rooms import rooms

NOW: Final = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HOUR: Final = NOW + timedelta(days=3)
ON: Final[dict[str, Any]] = {"at": NOW, "notification_id": "n1", "channel": "sms"}
A1: Final[dict[str, Any]] = {"at": NOW, "appointment_id": "a1"}

booked: Final = AppointmentBooked(**A1, party_id="p1", product="passport", branch="main", starts_at=HOUR)
wish: Final = NotificationRequested(
    at=NOW, notification_id="n1", party_id="p1", about="appointment/a1", template="appointment-reminder"
)
sent: Final = NotificationSent(**ON, address_id="t", reference="SM1")
words: Final = NotificationWritten(
    **ON, address_id="t", message_id="m1", language="nl", text_digest="ab" * 32, words_digest="cd" * 32, wording="cost"
)


def came(word: str, wording: str = "cost", name: str = "a1", channel: str = "sms") -> AppointmentReminded:
    said: dict[str, Any] = {"notification_id": "n1", "channel": channel, "wording": wording, "came": word}
    return AppointmentReminded(at=NOW, appointment_id=name, **said)


def row(*events: Event) -> dict[str, str]:
    [found] = shown(effects, booked, *events)
    return {name: found[name] for name in ("ended", "came", "channel", "wording")}


def test_what_became_of_a_reminder_is_said_to_its_appointment_in_its_wording() -> None:
    given(reminded, wish, words).when(sent).then(came("sent"))
    given(reminded, wish, words, sent).when(NotificationDelivered(**ON)).then(came("delivered"))
    given(reminded, wish).when(NotificationFailed(**ON, reason="no-road")).then(came("failed", USUAL))


def test_of_what_is_no_reminder_nothing_is_said() -> None:
    given(reminded, wish.model_copy(update={"template": "appointment-booked"}), words).when(sent).then()
    given(reminded, wish.model_copy(update={"about": "case/k1"})).when(sent).then()
    given(reminded).when(sent).then()


def test_a_reminder_that_arrived_counts_whatever_became_of_another() -> None:
    assert row(came("delivered"), came("failed", channel="email")) == {
        "ended": "open", "came": "delivered", "channel": "sms", "wording": "cost",
    }  # fmt: skip
    assert row(came("failed"), came("sent", channel="email"))["channel"] == "email"


@pytest.mark.parametrize(
    ("events", "ended"),
    [
        ((AppointmentNoShow(**A1),), "no-show"),
        ((AppointmentArrived(**A1),), "came"),
        ((AppointmentNoShow(**A1), AppointmentServed(**A1)), "came"),
        ((AppointmentCancelled(**A1, by="party"),), "cancelled"),
        ((AppointmentCancelled(**A1, by="desk"),), "off"),
        ((AppointmentCancelled(at=HOUR, appointment_id="a1", by="party"),), "off"),
        ((AppointmentCancelled(**A1, by="party"), AppointmentNoShow(**A1)), "cancelled"),
        ((AppointmentArrived(**A1), AppointmentCancelled(**A1, by="party")), "came"),
    ],
)
def test_who_came_has_come_and_who_is_off_is_no_no_show(events: tuple[Event, ...], ended: str) -> None:
    assert row(*events)["ended"] == ended


def test_of_another_hour_nobody_was_reminded_yet() -> None:
    moved = AppointmentChanged(**A1, branch="main", starts_at=HOUR + timedelta(days=1))
    assert row(came("sent"), moved)["came"] == "none"
    elsewhere = moved.model_copy(update={"branch": "north", "starts_at": HOUR})
    assert row(came("sent"), elsewhere)["came"] == "sent"


def test_a_wording_is_always_the_same_for_one_and_as_many_get_each() -> None:
    plain: dict[str, Any] = {"title": "Uw afspraak", "text": "Tot dan.", "sms": "Tot dan."}
    texts = Written(**plain, other={"cost": Wording(**plain), "kind": Wording(**plain)})
    names = [texts.chosen(f"appointment/{number}")[0] for number in range(3_000)]
    assert names == [texts.chosen(f"appointment/{number}")[0] for number in range(3_000)]
    assert {name: 800 < names.count(name) < 1_200 for name in set(names)} == {USUAL: True, "cost": True, "kind": True}
    assert Written(**plain).chosen("appointment/1")[0] == USUAL


@pytest.mark.parametrize(
    ("name", "sms", "sentence"),
    [
        ("cost", "Uw code: {code}", r"\[appointment-reminder.other.cost\] sms names a field"),
        ("cost", "Kom {toch", "brace"),
        ("usual", "Kom", "usual"),
    ],
)
def test_a_wrong_wording_is_found_before_anybody_reads_it(tmp_path: Path, name: str, sms: str, sentence: str) -> None:
    written = 'title = "T"\ntext = "T"\n'
    (tmp_path / "nl.toml").write_text(
        f'[appointment-reminder]\n{written}sms = "S"\n[appointment-reminder.other.{name}]\n{written}sms = "{sms}"\n'
    )
    with pytest.raises(Refused, match=sentence):
        read_texts(tmp_path)


async def test_no_shows_are_counted_by_how_people_were_reminded() -> None:
    async with rooms() as house:
        lives: list[Event] = []
        for nth in range(10):
            name = f"a{nth}"
            on: dict[str, Any] = {"at": NOW, "appointment_id": name}
            lives.append(booked.model_copy(update={"appointment_id": name}))
            if nth < 6:
                lives.append(came("delivered", "cost" if nth % 2 else USUAL, name))
            match nth:
                case 0 | 1 | 3 | 6:
                    lives.append(AppointmentServed(**on))
                case 2 | 7 | 8:
                    lives.append(AppointmentNoShow(**on))
                case 4:
                    lives.append(AppointmentCancelled(**on, by="party"))
                case 5:
                    lives.append(AppointmentCancelled(**on, by="desk"))
        await house.engine.append(*(fact(event, key=str(nth)) for nth, event in enumerate(lives)))
        await house.engine.settle(*NOTIFY)
        answer = await house.client.get("/v1/reminders?first=2026-11-26&last=2026-11-26")
        assert answer.json()["groups"] == [
            {"wording": "cost", "channel": "sms", "reminder": "delivered", "appeared": 2, "no_show": 0,
             "cancelled": 0, "no_show_share": 0.0},
            {"wording": "none", "channel": "none", "reminder": "none", "appeared": 1, "no_show": 2,
             "cancelled": 0, "no_show_share": 0.6667},
            {"wording": "usual", "channel": "sms", "reminder": "delivered", "appeared": 1, "no_show": 1,
             "cancelled": 1, "no_show_share": 0.5},
        ]  # fmt: skip
        assert (await house.client.get("/v1/reminders?first=2026-11-27&last=2026-12-31")).json()["groups"] == []
        for period in (
            "first=2026-11-27&last=2026-11-26",
            "first=2020-01-01&last=2026-01-01",
            "first=x&last=2026-01-01",
        ):
            assert (await house.client.get(f"/v1/reminders?{period}")).status_code == 400
