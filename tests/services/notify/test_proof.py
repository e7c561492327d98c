"""A dossier says how far a message surely came, names nobody, and betrays whoever changes it."""

import json
from collections.abc import AsyncIterator, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st

from draad.parts import NOTIFY
from draad.proved import proved
from schemas.errors import Refused
from schemas.event import Envelope, Event, effect, fact
from schemas.notification import (
    NotificationBounced,
    NotificationDelivered,
    NotificationDue,
    NotificationFailed,
    NotificationRequested,
    NotificationSent,
    NotificationUnknown,
    NotificationWanted,
    NotificationWithheld,
    NotificationWritten,
    Route,
)
from services.notify.api import proof
from services.notify.proof import dossier, fault
from tests.rooms import Rooms, rooms, told

NOW: Final = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
WISH: Final[dict[str, Any]] = {
    "notification_id": "n1", "party_id": "p1", "about": "case/k1", "template": "case-status", "title": "Paspoort",
}  # fmt: skip
ON: Final[dict[str, Any]] = {"at": NOW, "notification_id": "n1"}
MAIL: Final = Route(channel="email", address="joelle@mail.example", address_id="m")
SMS: Final = Route(channel="sms", address="+31612345678", address_id="t")

trigger = fact(NotificationDelivered(**ON, channel="email"), key="trigger")  # Of whatever kind it is.
wanted = NotificationWanted(at=NOW, **WISH)
requested = NotificationRequested(at=NOW, **WISH, routes=(MAIL, SMS), why="usual")


def due(route: Route) -> NotificationDue:
    return NotificationDue(at=NOW, **WISH, **dict(route))


def written(route: Route) -> NotificationWritten:
    return NotificationWritten(
        **ON, channel=route.channel, address_id=route.address_id, message_id="w1", language="nl",
        text_digest="ab" * 32, words_digest="cd" * 32,
    )  # fmt: skip


def sent(route: Route) -> NotificationSent:
    return NotificationSent(**ON, channel=route.channel, address_id=route.address_id, reference="r1")


def bounced(route: Route) -> NotificationBounced:
    return NotificationBounced(**ON, channel=route.channel, reason="no-such-address")


def delivered(route: Route) -> NotificationDelivered:
    return NotificationDelivered(**ON, channel=route.channel)


def unknown(route: Route) -> NotificationUnknown:
    return NotificationUnknown(**ON, channel=route.channel)


def logged(*events: Event) -> Sequence[Envelope]:
    made, cause = [], trigger
    for nth, event in enumerate(events, start=1):
        cause = effect(event, cause=cause._replace(depth=0), by="test", nth=nth)._replace(time="2026-11-02T09:00:00Z")
        made.append(cause)
    return made


def made(*events: Event) -> dict[str, Any]:
    return dossier("n1", logged(wanted, requested, *events))


def test_it_begins_with_what_set_it_off_and_holds_what_was_sent_by_its_hash() -> None:
    found = made(due(MAIL), written(MAIL), sent(MAIL))
    first, _, _, words, last = found["entries"]
    assert (first["type"], first["trigger_id"], first["about"]) == ("notification.wanted", trigger.id, "case/k1")
    assert (words["text_digest"], words["words_digest"], words["language"]) == ("ab" * 32, "cd" * 32, "nl")
    assert (last["reference"], last["level"], last["hash"]) == ("r1", "aangeboden", found["head"])
    assert [entry["nth"] for entry in found["entries"]] == [1, 2, 3, 4, 5]
    assert fault(found) == ""


def test_it_names_nobody() -> None:
    found = json.dumps(made(due(MAIL), written(MAIL), sent(MAIL), bounced(MAIL), due(SMS)))
    assert not any(word in found for word in ("joelle", "mail.example", "+31612345678", "Paspoort"))
    assert '"address_id": "m"' in found


@pytest.mark.parametrize(
    ("events", "level"),
    [
        ((), "nog niet aangeboden"),
        ((due(MAIL), written(MAIL)), "nog niet aangeboden"),
        ((due(MAIL), sent(MAIL)), "aangeboden"),
        ((due(MAIL), sent(MAIL), delivered(MAIL)), "afgeleverd"),
        ((due(MAIL), delivered(MAIL), sent(MAIL)), "afgeleverd"),  # Told in another order.
        ((due(MAIL), unknown(MAIL)), "onbekend"),
        ((due(MAIL), unknown(MAIL), sent(MAIL)), "aangeboden"),
        ((due(MAIL), sent(MAIL), bounced(MAIL)), "niet afgeleverd"),
        ((due(MAIL), sent(MAIL), bounced(MAIL), due(SMS), sent(SMS)), "aangeboden"),
        ((due(MAIL), sent(MAIL), bounced(MAIL), due(SMS), unknown(SMS)), "onbekend"),
        ((due(SMS), NotificationFailed(**ON, channel="sms", reason="too-late"), due(SMS), sent(SMS)), "aangeboden"),
        ((NotificationWithheld(**ON, reason="expired"),), "niet verstuurd"),
    ],
)
def test_it_says_how_far_it_surely_came_and_no_more(events: tuple[Event, ...], level: str) -> None:
    assert made(*events)["level"] == level


FACTS = st.sampled_from([due(MAIL), written(MAIL), sent(MAIL), bounced(MAIL), due(SMS), sent(SMS), delivered(SMS)])


@over(st.lists(FACTS, max_size=12), st.data())
@settings(max_examples=100)
def test_whatever_is_changed_left_out_or_put_in_is_seen(events: list[Event], data: st.DataObject) -> None:
    whole = made(*events)
    assert fault(json.loads(json.dumps(whole))) == ""
    other = deepcopy(whole)
    nth = data.draw(st.integers(0, len(whole["entries"]) - 1))
    match data.draw(st.sampled_from(["change", "add", "drop", "double", "cut", "swap", "level"])):
        case "change":
            other["entries"][nth]["at"] = "2026-11-02T09:00:01Z"
        case "add":
            other["entries"][nth]["note"] = "x"
        case "drop":
            del other["entries"][nth]
        case "double":
            other["entries"].insert(nth, other["entries"][nth])
        case "cut":
            del other["entries"][-1]
        case "swap":
            first, second, *rest = other["entries"]
            other["entries"] = [second, first, *rest]
        case "level":
            other["level"] = "gelezen"
    assert fault(other)


@pytest.mark.parametrize(
    "kept", [None, [], {}, "x", {"form": "draad-proof-1"}, {"form": "draad-proof-1", "entries": [1]}]
)
def test_what_is_no_dossier_is_told_as_such(kept: Any) -> None:
    assert fault(kept)


def test_a_kept_one_is_looked_at_without_a_log(tmp_path: Path) -> None:
    said: list[str] = []
    file = tmp_path / "proof.json"
    file.write_text(json.dumps(made(due(MAIL), sent(MAIL)), indent=2), encoding="utf-8")
    assert proved(file, said.append)
    file.write_text(file.read_text().replace("usual", "other"))
    assert not proved(file, said.append)
    assert [sentence.partition(":")[0] for sentence in said] == ["As it was made", "Not as it was made"]
    file.write_text("{")
    with pytest.raises(Refused, match="cannot be read"):
        proved(file, said.append)


@pytest.fixture
async def house() -> AsyncIterator[Rooms]:
    async with rooms() as here:
        for nth, event in enumerate([wanted, requested, due(MAIL), written(MAIL), sent(MAIL)]):
            await here.engine.append(fact(event, key=str(nth)))
        await here.engine.settle(*NOTIFY)
        await here.settle()
        yield here


async def test_it_is_asked_for_by_whoever_may_read_records_and_is_the_same_each_time(house: Rooms) -> None:
    answer = await house.client.get("/v1/notifications/n1/proof")
    assert (answer.status_code, answer.json()["level"]) == (200, "aangeboden")
    assert answer.json() == await proof(house.engine, "n1")
    assert fault(answer.json()) == ""
    assert [entry["type"] for entry in answer.json()["entries"]][:2] == [wanted.type, requested.type]
    told(await house.client.get("/v1/notifications/n2/proof"), 404)
    del house.client.headers["authorization"]
    told(await house.client.get("/v1/notifications/n1/proof"), 401)


async def test_an_agent_reads_it_on_a_page_that_names_nobody(house: Rooms) -> None:
    await house.enter()
    page = await house.client.get("/notifications/n1/proof", headers={"Accept": "text/html"})
    assert page.status_code == 200
    assert "Dit bericht is <strong>aangeboden</strong>." in page.text
    assert "cd" * 32 in page.text
    assert not any(word in page.text for word in ("joelle", "Paspoort"))
    assert (await house.client.get("/notifications/n2/proof", headers={"Accept": "text/html"})).status_code == 404
