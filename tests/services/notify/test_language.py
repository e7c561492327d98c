"""In which language somebody is written to at an address: the one that they chose, if all who are there chose it."""

from datetime import UTC, datetime
from typing import Any, Final

from engine.engine import Engine
from engine.memory import Disk, MemoryStore
from schemas.event import Event, fact
from schemas.party import PartyAddressLinked, PartyAddressUnlinked, PartyPreferenceSet
from services.notify.known import language_of
from services.notify.language import languages
from services.notify.shut import addresses_shut

NOW: Final = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def linked(address_id: str, party_id: str = "p1", certainty: str = "certain") -> PartyAddressLinked:
    said: dict[str, Any] = {"channel": "email", "address": f"{address_id}@mail.example", "certainty": certainty}
    return PartyAddressLinked(at=NOW, party_id=party_id, address_id=address_id, **said)


def chose(language: str, party_id: str = "p1") -> PartyPreferenceSet:
    return PartyPreferenceSet(at=NOW, party_id=party_id, channel="email", language=language)


async def at(address_id: str, *events: Event) -> str:
    engine = Engine(MemoryStore(Disk(), lambda: NOW))
    for nth, event in enumerate(events):
        await engine.append(fact(event, key=str(nth)))
    await engine.settle(languages, addresses_shut)
    return await language_of(engine, address_id)


async def test_the_language_that_they_chose_before_or_after_the_address_was_theirs() -> None:
    assert await at("a1", linked("a1"), chose("en")) == "en"
    assert await at("a1", chose("en"), linked("a1")) == "en"
    assert await at("a1", chose("en"), linked("a1"), chose("nl")) == "nl"


async def test_nothing_where_nobody_chose_or_it_is_not_surely_theirs_or_no_more() -> None:
    assert await at("a1", linked("a1")) == ""
    assert await at("a2", linked("a1"), chose("en")) == ""
    assert await at("a1", linked("a1", certainty="proposed"), chose("en")) == ""
    gone = PartyAddressUnlinked(at=NOW, party_id="p1", address_id="a1")
    assert await at("a1", linked("a1"), chose("en"), gone) == ""


async def test_nothing_where_two_who_share_it_chose_differently() -> None:
    two = (linked("a1"), chose("en"), linked("a1", "p2"), chose("nl", "p2"))
    assert await at("a1", *two) == ""
    assert await at("a1", *two, chose("en", "p2")) == "en"
