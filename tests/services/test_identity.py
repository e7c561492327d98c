"""Who it is does not depend on the order in which the log was read, on any engine: only on what was said."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.engine import Engine
from engine.testing import shown
from schemas.address import AddressRevealed
from schemas.contact import ContactIdentified, ContactReceived, ContactUnidentified
from schemas.event import Event
from schemas.party import (
    PartyAddressLinked,
    PartyAddressUnlinked,
    PartyIdentifierSet,
    PartyMerged,
    PartyPreferenceSet,
    PartyRegistered,
    PartyUnmerged,
)
from services.desk.identity import merges, parties
from services.desk.story import story
from services.desk.whose import candidates, named, whose
from tests.services.places import ENGINES, MONDAY, engine_at, in_memory, tell

PARTIES = [f"p{n}" for n in range(4)]
ADDRESSES = [f"a{n}" for n in range(3)]
CONTACTS = [f"c{n}" for n in range(6)]
PARTY, ADDRESS, CONTACT = st.sampled_from(PARTIES), st.sampled_from(ADDRESSES), st.sampled_from(CONTACTS)
CERTAINTY = st.sampled_from(["certain", "proposed"])


def of(event: type[Event], **said: Any) -> Event:
    return event.model_validate({"at": MONDAY, **said})


def address_of(contact: str) -> str:
    return ADDRESSES[CONTACTS.index(contact) % len(ADDRESSES)]


def linked(party: str, address: str, certainty: str = "certain") -> Event:
    said = {"party_id": party, "address_id": address, "certainty": certainty}
    return of(PartyAddressLinked, channel="phone", address="+31612345678", **said)


def given_to(contact: str, party: str, certainty: str = "certain") -> Event:
    on = {"contact_id": contact, "address_id": address_of(contact)}
    return of(ContactIdentified, party_id=party, certainty=certainty, **on)


def taken_from(contact: str, party: str) -> Event:
    return of(ContactUnidentified, party_id=party, contact_id=contact, address_id=address_of(contact))


def asked(contact: str) -> Event:
    at = MONDAY + timedelta(minutes=CONTACTS.index(contact) // 2)
    return ContactReceived(at=at, contact_id=contact, address_id=address_of(contact), channel="web", text=contact)


SAID = st.lists(
    st.one_of(
        st.builds(linked, PARTY, ADDRESS, CERTAINTY),
        st.builds(lambda p, a: of(PartyAddressUnlinked, party_id=p, address_id=a), PARTY, ADDRESS),
        st.builds(lambda p, q: of(PartyMerged, party_id=p, merged_id=q), PARTY, PARTY),
        st.builds(lambda p, q: of(PartyUnmerged, party_id=p, merged_id=q), PARTY, PARTY),
        st.builds(given_to, CONTACT, PARTY, CERTAINTY),
        st.builds(taken_from, CONTACT, PARTY),
        st.builds(asked, CONTACT),
    ),
    max_size=20,
)


def interleaved(events: list[Event], random: Random) -> list[Event]:
    """Another order in which partitions may be read: of each subject the order stays."""
    waiting: dict[str, list[Event]] = {}
    for event in events:
        waiting.setdefault(event.subject, []).append(event)
    told = []
    while waiting:
        subject = random.choice(sorted(waiting))
        told.append(waiting[subject].pop(0))
        if not waiting[subject]:
            del waiting[subject]
    return told


Stories = dict[str, list[tuple[str, bool]]]


async def stories(events: list[Event], seed: int) -> Stories:
    """What each party's story tells of contacts, as a set: in one instant the log's order decides."""
    async with in_memory(seed) as engine:
        await tell(engine, *events, random=Random(seed))
        found: Stories = {}
        for party in PARTIES:
            page = await story(engine, f"party/{party}", limit=200)
            of_contacts = [one for one in page.entries if one.row["type"] == "contact.received"]
            found[party] = sorted({(one.row["contact_id"], one.sure) for one in of_contacts})
        return found


@given(SAID, st.integers(0, 2**16))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
async def test_every_order_of_reading_tells_the_same_stories(events: list[Event], seed: int) -> None:
    assert await stories(events, 1) == await stories(interleaved(events, Random(seed)), seed)


@given(SAID)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
async def test_merged_parties_have_one_story_and_nobody_else_has_it(events: list[Event]) -> None:
    async with in_memory() as engine:
        await tell(engine, *events)
        groups = {party: tuple((await whose(engine, party)).parties) for party in PARTIES}
    for party, group in groups.items():
        assert party in group
        assert all(groups[other] == group for other in group)


def test_a_merge_with_itself_is_nothing() -> None:
    assert shown(merges, of(PartyMerged, party_id="p1", merged_id="p1")) == []


def test_a_party_is_known_by_its_last_name_and_how_it_likes_to_hear_from_us() -> None:
    [row] = shown(
        parties,
        of(PartyPreferenceSet, party_id="p1", channel="email", language="en"),
        of(PartyRegistered, party_id="p1", kind="person", name="Jan  de VRIES"),
    )
    assert (row["name"], row["folded"], row["channel"], row["language"]) == (
        "Jan  de VRIES", "jan de vries", "email", "en"
    )  # fmt: skip


@pytest.fixture(params=ENGINES)
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Engine]:
    async with engine_at(ENGINES[request.param](tmp_path)) as opened:
        yield opened


@pytest.mark.xdist_group("servers")
async def test_candidates_are_all_offered_and_names_are_found_whatever_their_capitals(engine: Engine) -> None:
    await tell(
        engine,
        of(PartyRegistered, party_id="p1", kind="person", name="Jan de Vries"),
        of(PartyRegistered, party_id="p2", kind="person", name="Ria de Vries"),
        linked("p1", "a1", "proposed"),
        linked("p2", "a1", "certain"),
        of(PartyIdentifierSet, party_id="p1", scheme="kvk", digest="0f" * 16),
    )
    assert [(row["name"], row["certainty"]) for row in await candidates(engine, "a1")] == [
        ("Ria de Vries", "certain"),
        ("Jan de Vries", "proposed"),
    ]
    assert [row["party_id"] for row in await named(engine, "de vries")] == ["p1", "p2"]
    assert await named(engine, "de_vries") == []


@pytest.mark.xdist_group("servers")
async def test_an_address_that_is_revealed_to_be_the_same_brings_its_contacts_along(engine: Engine) -> None:
    revealed = {"address_id": "a2", "other_id": "a1", "kind": "phone", "address": "+31612345678", "channel": "whatsapp"}
    await tell(engine, linked("p1", "a1"), asked("c2"), asked("c1"))
    assert address_of("c2") == "a2"
    before = await whose(engine, "p1")
    assert dict(before.addresses) == {"a1": True}
    await tell(engine, of(AddressRevealed, certainty="certain", **revealed))
    assert dict((await whose(engine, "p1")).addresses) == {"a1": True, "a2": True}
    await tell(engine, linked("p2", "a2"))
    assert dict((await whose(engine, "p1")).addresses) == {"a1": False, "a2": False}
    assert [row["party_id"] for row in await candidates(engine, "a1")] == ["p1", "p2"]
