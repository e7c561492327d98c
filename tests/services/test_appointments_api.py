"""Appointments over HTTP: what a system tells is kept once, and what cannot be is refused with a reason."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx
import pytest

from schemas.errors import Refused
from services.desk import counter
from services.intake.appointments import AHEAD_MAX, code_of
from services.intake.branches import branches, moment_there
from services.intake.visits import PEOPLE_MAX
from tests.contract.looks import everything
from tests.contract.places import Place
from tests.rooms import NOW, Rooms, rooms, told

HERE: Final = ZoneInfo("Europe/Amsterdam")
BSN: Final = "123456782"
BOOKING: Final = {
    "reference": "jcc-4711",
    "product": "paspoort",
    "starts_at": "2026-11-24T10:30:00+01:00",
    "people": 2,
    "address": {"kind": "phone", "value": "06 12345678"},
}
WHICH: Final = {"reference": "jcc-4711"}


@pytest.fixture
async def house() -> AsyncIterator[Rooms]:
    async with rooms() as built:
        await built.settle()
        yield built


@pytest.fixture
async def both(place: Place) -> AsyncIterator[Rooms]:
    async with rooms(await place.store(), clock=place.clock) as built:
        await built.settle()
        yield built


async def post(house: Rooms, path: str, body: Any, key: str = "k1") -> httpx.Response:
    return await house.client.post(f"/v1/appointments{path}", json=body, headers={"Idempotency-Key": key})


async def step(house: Rooms, path: str, body: Any, key: str = "k1") -> httpx.Response:
    """And let the register hear of it."""
    answer = await post(house, path, body, key)
    await house.settle()
    return answer


async def kept(house: Rooms) -> list[dict[str, Any]]:
    facts = [json.loads(fact.data) | {"type": fact.type} for fact in await everything(house.engine)]
    return [fact for fact in facts if fact["type"].startswith("appointment.")]


async def rows(house: Rooms, day: str = "2026-11-24", branch: str = "main") -> list[dict[str, Any]]:
    answer = await house.client.get("/v1/appointments", params={"branch": branch, "day": day})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["appointments"])


def local(written: str) -> datetime:
    """What clocks show, without a zone."""
    return datetime.fromisoformat(written)


async def test_a_booking_is_kept_before_it_is_answered_and_stands_on_its_day(house: Rooms) -> None:
    answer = await step(house, "", BOOKING)
    assert answer.status_code == 201
    appointment = answer.json()["appointment_id"]
    [fact] = await kept(house)
    assert (fact["starts_at"], fact["kind"], fact["address"]) == ("2026-11-24T09:30:00Z", "phone", "+31612345678")
    assert fact["party_id"] == f"unknown.{appointment}"
    [row] = await rows(house)
    assert (row["state"], row["people"], row["party_id"], row["code"]) == ("booked", 2, "", answer.json()["code"])
    assert await rows(house, day="2026-11-25") == []
    assert "jcc-4711" not in str(await house.engine.read())


async def test_the_same_request_again_is_the_same_appointment(both: Rooms) -> None:
    answers = await asyncio.gather(*(post(both, "", BOOKING) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {201}
    await both.settle()
    again = await step(both, "", BOOKING)
    assert {answer.text for answer in [*answers, again]} == {again.text}
    assert len(await kept(both)) == 1


async def test_a_reference_that_is_used_again_for_another_hour_is_a_change_and_said_to_be(house: Rooms) -> None:
    await step(house, "", BOOKING)
    other = BOOKING | {"starts_at": "2026-11-24T11:30:00+01:00"}
    assert "known already" in told(await step(house, "", other, key="k2"), 409)
    assert (await step(house, "/changes", WHICH | {"starts_at": other["starts_at"]})).status_code == 201
    [row] = await rows(house)
    assert row["starts_at"] == "2026-11-24T10:30:00Z"


async def test_a_visit_from_the_door_to_the_desk(house: Rooms) -> None:
    booked = await step(house, "", BOOKING)
    stories = []
    for path, more in (("/arrivals", {}), ("/calls", {"desk": "desk-3"}), ("/servings", {})):
        answer = await step(house, path, WHICH | more)
        assert (answer.status_code, answer.json()) == (201, booked.json())
        [row] = await rows(house)
        stories.append((row["state"], row["desk"], row["waiting_since"]))
    waits = "2026-11-23T09:00:00Z"
    assert stories == [("arrived", "", waits), ("called", "desk-3", waits), ("served", "desk-3", None)]


async def test_it_can_be_named_by_our_id_as_well(house: Rooms) -> None:
    appointment = (await step(house, "", BOOKING)).json()["appointment_id"]
    assert (await step(house, "/arrivals", {"appointment_id": appointment})).status_code == 201
    assert (await counter.find(house.engine, appointment)).state == "arrived"  # type: ignore[union-attr]  # It is there.


async def test_a_walk_in_gets_a_code_that_can_be_called_out(house: Rooms) -> None:
    answer = await step(house, "/walk-ins", {"reference": "w1", "product": "rijbewijs"})
    assert answer.status_code == 201
    code = answer.json()["code"]
    assert code == code_of(answer.json()["appointment_id"])
    assert (code[:2].isalpha(), code[2:].isdigit(), len(code)) == (True, True, 5)
    [row] = await rows(house, day="2026-11-23")
    assert (row["state"], row["walked_in"], row["code"]) == ("arrived", True, code)


async def test_whoever_does_not_come_is_a_no_show_when_the_grace_has_ended(both: Rooms, place: Place) -> None:
    async def standing(day: int, hour: int, minute: int) -> list[str]:
        place.clock.now = datetime(2026, 11, day, hour, minute, tzinfo=UTC)
        await both.settle()
        return [row["state"] for row in await rows(both)]

    await step(both, "", BOOKING)
    assert await standing(23, 9, 0) == ["booked"]
    assert await standing(24, 9, 44) == ["booked"]
    assert await standing(24, 9, 46) == ["no-show"]
    assert (await kept(both))[-1]["at"] == "2026-11-24T09:45:00Z"
    assert (await step(both, "/arrivals", WHICH)).status_code == 201
    assert [row["state"] for row in await rows(both)] == ["arrived"]


@pytest.mark.parametrize("path", ["/changes", "/cancellations", "/arrivals", "/calls", "/servings"])
async def test_what_nobody_booked_is_not_known_yet_and_nothing_is_kept(house: Rooms, path: str) -> None:
    more = {"/changes": {"starts_at": "2026-11-25T10:30:00+01:00"}, "/calls": {"desk": "desk-1"}}.get(path, {})
    assert "send this again" in told(await step(house, path, WHICH | more), 409)
    assert await kept(house) == []


async def test_what_cannot_be_is_refused_with_a_reason(house: Rooms) -> None:
    await step(house, "", BOOKING)
    await step(house, "/cancellations", WHICH)
    hour = {"starts_at": "2026-11-25T10:30:00+01:00"}
    for path, more in (("/arrivals", {}), ("/changes", hour), ("/servings", {})):
        assert "cancelled" in told(await step(house, path, WHICH | more), 409)
    await step(house, "", BOOKING | {"reference": "j2"}, key="k2")
    await step(house, "/servings", {"reference": "j2"})
    assert "helped already" in told(await step(house, "/cancellations", {"reference": "j2"}), 409)


async def test_a_repeat_is_answered_as_before_though_more_has_happened_since(house: Rooms) -> None:
    await step(house, "", BOOKING)
    first = await step(house, "/arrivals", WHICH)
    await step(house, "/servings", WHICH)
    again = await step(house, "/arrivals", WHICH)
    assert (again.status_code, again.text) == (201, first.text)
    assert (await step(house, "", BOOKING)).status_code == 201
    assert len(await kept(house)) == 3
    assert told(await step(house, "/arrivals", WHICH, key="k9"), 409)


async def test_an_hour_as_the_clocks_of_the_branch_show_it(house: Rooms) -> None:
    hourless = {name: value for name, value in BOOKING.items() if name != "starts_at"}
    assert (await step(house, "", hourless | {"starts_local": "2026-11-24T10:30"})).status_code == 201
    assert [row["starts_at"] for row in await rows(house)] == ["2026-11-24T09:30:00Z"]
    skipped = hourless | {"reference": "r2", "starts_local": "2027-03-28T02:30"}
    assert "skipped" in told(await step(house, "", skipped), 400)
    twice = hourless | {"reference": "r3", "starts_local": "2027-10-31T02:30"}
    assert "twice" in told(await step(house, "", twice), 400)
    for which, hour in (("first", "2027-10-31T00:30:00Z"), ("second", "2027-10-31T01:30:00Z")):
        assert (await step(house, "", twice | {"which": which, "reference": which})).status_code == 201
        assert hour in [row["starts_at"] for row in await rows(house, day="2027-10-31")]


def test_a_day_on_which_the_clocks_change_has_its_own_length() -> None:
    assert moment_there(local("2026-03-29T03:00"), None, HERE) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    with pytest.raises(Refused, match="skipped"):
        moment_there(local("2026-03-29T02:00"), None, HERE)
    with pytest.raises(Refused, match="2000"):
        moment_there(local("0001-01-01T00:00"), None, HERE)


async def test_the_day_begins_and_ends_at_midnight_there(house: Rooms) -> None:
    for nth, hour in enumerate(("2026-11-24T00:00", "2026-11-24T23:59", "2026-11-25T00:00")):
        body = {"reference": f"r{nth}", "product": "paspoort", "starts_local": hour}
        assert (await step(house, "", body, key=f"k{nth}")).status_code == 201
    assert [row["starts_at"] for row in await rows(house)] == ["2026-11-23T23:00:00Z", "2026-11-24T22:59:00Z"]


async def test_a_branch_of_its_own_zone_and_grace() -> None:
    ours = branches({"eiland": {"title": "Eiland", "zone": "America/Kralendijk", "grace_minutes": 5}})
    assert (ours["eiland"].grace_minutes, ours["eiland"].here.key) == (5, "America/Kralendijk")
    assert branches({})["main"].zone == "Europe/Amsterdam"
    for wrong in ({"title": "x", "zone": "Mars/Base"}, {"title": "x", "grace": 1}, {"zone": "Europe/Amsterdam"}, {}):
        with pytest.raises(Refused, match="a branch has"):
            branches({"eiland": wrong})


BAD: Final[dict[str, dict[str, Any]]] = {
    "no reference": {"reference": None},
    "a reference with a BSN": {"reference": f"afspraak-{BSN}"},
    "a party that is a BSN": {"party_id": BSN},
    "no hour": {"starts_at": None},
    "two hours": {"starts_local": "2026-11-24T10:30"},
    "an hour without a zone": {"starts_at": "2026-11-24T10:30:00"},
    "an hour too far ahead": {"starts_at": (NOW + AHEAD_MAX + timedelta(minutes=1)).isoformat()},
    "an hour before all": {"starts_at": "0001-01-01T00:00:00+14:00"},
    "a branch that is none of ours": {"branch": "elders"},
    "too many people": {"people": PEOPLE_MAX + 1},
    "nobody": {"people": 0},
    "a field we do not know": {"bsn": BSN},
    "a code with markup": {"code": "<b>"},
    "an about that is no case": {"about": "party/p1"},
    "a product with a space": {"product": "een paspoort"},
}


@pytest.mark.parametrize("wrong", BAD.values(), ids=BAD)
async def test_a_bad_booking_is_refused_whole_and_never_quoted(house: Rooms, wrong: dict[str, Any]) -> None:
    body = {name: value for name, value in (BOOKING | wrong).items() if value is not None}
    answer = await post(house, "", body)
    assert told(answer, 400)
    assert BSN not in answer.text
    assert await kept(house) == []


async def test_whoever_reads_a_day_says_which_and_where(house: Rooms) -> None:
    for params in ({}, {"branch": "main"}, {"branch": "main", "day": "morgen"}, {"branch": "x", "day": "2026-11-24"}):
        assert told(await house.client.get("/v1/appointments", params=params), 400)
    del house.client.headers["authorization"]
    assert told(await house.client.get("/v1/appointments", params={"branch": "main", "day": "2026-11-24"}), 401)
    assert told(await post(house, "", BOOKING), 401)


async def test_a_day_is_read_by_the_hour(both: Rooms) -> None:
    for nth in range(3):
        body = BOOKING | {"reference": f"r{nth}", "starts_at": f"2026-11-24T1{2 - nth}:00:00+01:00"}
        assert (await step(both, "", body, key=f"k{nth}")).status_code == 201
    await step(both, "/calls", {"reference": "r1", "desk": "desk-2"})
    assert [(row["starts_at"][11:13], row["state"]) for row in await rows(both)] == [
        ("09", "booked"),
        ("10", "called"),
        ("11", "booked"),
    ]


async def test_facts_from_elsewhere_in_a_wrong_order_park_nothing(house: Rooms) -> None:
    from schemas.appointment import AppointmentArrived, AppointmentCancelled, AppointmentServed
    from schemas.event import fact

    for nth, kind in enumerate((AppointmentServed, AppointmentArrived)):
        await house.engine.append(fact(kind(at=NOW, appointment_id="x1"), key=str(nth)))
    await house.engine.append(fact(AppointmentCancelled(at=NOW, appointment_id="x1", by="desk"), key="c"))
    await house.settle()
    assert await house.engine.parked() == []
    assert await counter.find(house.engine, "x1") is None
