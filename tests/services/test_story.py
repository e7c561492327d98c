"""A story holds all of one address, party or case and nothing else, on one machine and on many."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from engine.engine import Engine
from schemas.address import AddressRevealed
from schemas.case import CaseOpened, CaseStatusChanged
from schemas.contact import ContactAnswered, ContactFiled, ContactIdentified, ContactReceived, ContactUnidentified
from schemas.errors import Refused
from schemas.party import PartyAddressLinked, PartyAddressUnlinked, PartyMerged, PartyRegistered, PartyUnmerged
from services.desk.story import story
from services.desk.whose import candidates
from tests.services.places import ENGINES, MONDAY, engine_at, lines, tell

pytestmark = pytest.mark.xdist_group("servers")


@pytest.fixture(params=ENGINES)
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Engine]:
    async with engine_at(ENGINES[request.param](tmp_path)) as opened:
        yield opened


def asked(contact: str, address: str, minutes: int, channel: str = "web", text: str = "") -> ContactReceived:
    at = MONDAY + timedelta(minutes=minutes)
    return ContactReceived(at=at, contact_id=contact, address_id=address, channel=channel, text=text or contact)


def has(party: str, address: str, certainty: str = "certain") -> PartyAddressLinked:
    return PartyAddressLinked.model_validate(
        {
            "at": MONDAY - timedelta(days=1),
            "party_id": party,
            "address_id": address,
            "channel": "phone",
            "address": "+31612345678",
            "certainty": certainty,
        }
    )


def texts(told: list[tuple[str, str, bool]]) -> list[tuple[str, bool]]:
    return [(text, sure) for kind, text, sure in told if kind == "contact.received"]


async def said(engine: Engine, subject: str) -> list[tuple[str, bool]]:
    return texts(list(await lines(engine, subject)))


async def test_a_party_has_one_story_over_all_its_addresses_in_the_order_in_which_it_happened(engine: Engine) -> None:
    await tell(
        engine,
        has("p1", "a1"),
        has("p1", "a2"),
        asked("c3", "a1", 30),
        asked("c1", "a2", 10),
        asked("c9", "a9", 15),
        asked("c2", "a1", 20),
    )
    assert await said(engine, "party/p1") == [("c3", True), ("c2", True), ("c1", True)]
    assert await said(engine, "address/a1") == [("c3", True), ("c2", True)]


async def test_an_address_of_two_is_possible_for_both_and_chosen_for_none(engine: Engine) -> None:
    await tell(engine, has("p1", "a1"), has("p2", "a1"), asked("c1", "a1", 1))
    assert await said(engine, "party/p1") == [("c1", False)]
    assert await said(engine, "party/p2") == [("c1", False)]


async def test_what_an_agent_gave_to_one_is_no_more_shown_for_the_other(engine: Engine) -> None:
    await tell(engine, has("p1", "a1"), has("p2", "a1"), asked("c1", "a1", 1), asked("c2", "a1", 2))
    given = ContactIdentified(at=MONDAY, contact_id="c1", address_id="a1", party_id="p2", certainty="certain")
    await tell(engine, given)
    assert await said(engine, "party/p1") == [("c2", False)]
    assert await said(engine, "party/p2") == [("c2", False), ("c1", True)]
    await tell(engine, ContactUnidentified(at=MONDAY, contact_id="c1", address_id="a1", party_id="p2"))
    assert await said(engine, "party/p1") == [("c2", False), ("c1", False)]


async def test_a_merge_makes_two_stories_one_whoever_is_asked_and_taking_it_back_leaves_nothing(engine: Engine) -> None:
    await tell(engine, has("p1", "a1"), has("p2", "a2"), has("p3", "a3"))
    await tell(engine, asked("c1", "a1", 1), asked("c2", "a2", 2), asked("c3", "a3", 3))
    await tell(engine, PartyMerged(at=MONDAY, party_id="p1", merged_id="p2"))
    await tell(engine, PartyMerged(at=MONDAY, party_id="p3", merged_id="p2"))
    whole = [("c3", True), ("c2", True), ("c1", True)]
    for party in ("p1", "p2", "p3"):
        assert await said(engine, f"party/{party}") == whole
    await tell(engine, PartyUnmerged(at=MONDAY, party_id="p1", merged_id="p2"))
    assert await said(engine, "party/p1") == [("c1", True)]
    assert await said(engine, "party/p2") == [("c3", True), ("c2", True)]


async def test_parties_merged_by_way_of_one_that_has_no_address_have_one_story(engine: Engine) -> None:
    await tell(engine, has("p3", "a3"), asked("c3", "a3", 3), has("p9", "a9"), asked("c9", "a9", 9))
    await tell(engine, PartyMerged(at=MONDAY, party_id="p1", merged_id="p2"))
    await tell(engine, PartyMerged(at=MONDAY, party_id="p2", merged_id="p3"))
    for party in ("p1", "p2", "p3"):
        assert await said(engine, f"party/{party}") == [("c3", True)]


async def test_what_an_agent_gave_stands_once_and_as_surely_as_it_was_given(engine: Engine) -> None:
    await tell(engine, has("p1", "a1", "proposed"), *(asked(f"c{n}", "a1", n) for n in (1, 2, 3)), asked("c4", "a4", 4))
    said_of = [("c1", "a1", "certain"), ("c2", "a1", "proposed"), ("c4", "a4", "proposed")]
    names = "contact_id", "address_id", "certainty"
    given = [dict(zip(names, one, strict=True)) | {"at": MONDAY, "party_id": "p1"} for one in said_of]
    await tell(engine, *map(ContactIdentified.model_validate, given))
    assert await said(engine, "party/p1") == [("c4", False), ("c3", False), ("c2", False), ("c1", True)]


async def test_an_address_of_two_merged_parties_is_theirs_alone(engine: Engine) -> None:
    await tell(engine, has("p1", "a1"), has("p2", "a1", "proposed"), asked("c1", "a1", 1))
    await tell(engine, PartyMerged(at=MONDAY, party_id="p1", merged_id="p2"))
    assert await said(engine, "party/p2") == [("c1", True)]


async def test_an_address_that_is_unlinked_takes_its_contacts_along(engine: Engine) -> None:
    await tell(engine, has("p1", "a1"), asked("c1", "a1", 1))
    await tell(engine, PartyAddressUnlinked(at=MONDAY, party_id="p1", address_id="a1"))
    assert await said(engine, "party/p1") == []


async def test_a_case_tells_what_was_filed_there_and_where_it_stands(engine: Engine) -> None:
    later = MONDAY + timedelta(hours=1)
    await tell(
        engine,
        CaseOpened(at=MONDAY, case_id="k1", party_id="p1", kind="permit", title="Dakkapel"),
        asked("c1", "a1", 5, text="Mag het?"),
        asked("c2", "a2", 6, text="Iets anders"),
        asked("c3", "a3", 7, text="Misschien"),
        ContactFiled(at=later, contact_id="c1", case_id="k1", certainty="certain", address_id="a1"),
        ContactFiled(at=later, contact_id="c3", case_id="k1", certainty="proposed", address_id="a3"),
        CaseStatusChanged(at=later, case_id="k1", status="decided"),
        ContactAnswered(at=later, contact_id="c1", address_id="a1", agent_id="g1", text="Ja."),
    )
    told = [line for line in await lines(engine, "case/k1") if not line[0].startswith("conversation.")]
    assert sorted(told) == sorted(
        [
            ("case.opened", "permit", True),
            ("contact.received", "Mag het?", True),
            ("contact.received", "Misschien", False),
            ("contact.filed", "", True),
            ("contact.filed", "", True),
            ("case.status-changed", "decided", True),
            ("contact.answered", "Ja.", True),
        ]
    )
    assert [line[0] for line in told][-1] == "case.opened"
    assert ("case.status-changed", "decided", True) in await lines(engine, "party/p1")


async def test_what_was_said_of_a_contact_goes_before_what_was_said_of_its_conversation(engine: Engine) -> None:
    on = {"case_id": "k1", "address_id": "a1"}
    await tell(engine, *(asked(f"c{n}", "a1", n, channel="whatsapp") for n in (1, 2, 3)))
    assert await said(engine, "case/k1") == []
    await tell(engine, ContactFiled(at=MONDAY, contact_id="c1", certainty="proposed", **on))
    assert await said(engine, "case/k1") == [("c3", False), ("c2", False), ("c1", False)]
    await tell(engine, ContactFiled(at=MONDAY + timedelta(1), contact_id="c2", certainty="certain", **on))
    assert await said(engine, "case/k1") == [("c3", True), ("c2", True), ("c1", False)]


async def test_pages_follow_each_other_and_a_late_fact_stands_where_it_belongs(engine: Engine) -> None:
    await tell(engine, has("p1", "a1"), has("p1", "a2"))
    await tell(engine, *(asked(f"c{n}", f"a{1 + n % 2}", n) for n in range(7)))
    await tell(engine, asked("late", "a1", 3))
    seen: list[str] = []
    before = None
    while True:
        page = await story(engine, "party/p1", before, limit=3)
        seen += [entry.row["contact_id"] for entry in page.entries if entry.row["type"] == "contact.received"]
        before = page.before
        if before is None:
            break
    assert set(seen[3:5]) == {"late", "c3"}
    assert [name for name in seen if name != "late"] == ["c6", "c5", "c4", "c3", "c2", "c1", "c0"]


async def test_a_party_with_more_addresses_than_slots_still_has_its_whole_story(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.desk.story.SLOTS_MAX", 2)
    await tell(engine, *(has("p1", f"a{n}") for n in range(3)), *(asked(f"c{n}", f"a{n}", n) for n in range(3)))
    assert await said(engine, "party/p1") == [("c2", True), ("c1", True), ("c0", True)]


async def test_a_rebuilt_view_is_asked_anew(engine: Engine) -> None:
    await tell(engine, has("p1", "a1"), asked("c1", "a1", 1))
    before = await lines(engine, "party/p1")
    for view in ("desk.entry", "desk.claims"):
        await engine.rebuild(view)
    await tell(engine)
    assert await lines(engine, "party/p1") == before


async def test_there_is_no_story_of_something_else(engine: Engine) -> None:
    await tell(engine, PartyRegistered(at=MONDAY, party_id="p1", kind="person", name="J. Jansen"))
    with pytest.raises(Refused):
        await story(engine, "journey/passport")


def same(one: str, other: str, certainty: str = "certain") -> AddressRevealed:
    said = {"kind": "phone", "address": "+31612345678", "channel": "whatsapp", "certainty": certainty}
    return AddressRevealed.model_validate({"at": MONDAY, "address_id": one, "other_id": other} | said)


async def test_who_showed_no_number_at_first_is_one_person_with_one_story_once_it_is_told(engine: Engine) -> None:
    await tell(engine, asked("c1", "user", 1, "whatsapp"), has("p1", "user"))
    await tell(engine, same("user", "number"), asked("c2", "number", 2, "whatsapp"), asked("c3", "number", 3, "phone"))
    assert await said(engine, "party/p1") == [("c3", True), ("c2", True), ("c1", True)]
    assert await said(engine, "address/number") == [("c3", True), ("c2", True)]
    assert await said(engine, "address/user") == [("c1", True)]
    assert [row["party_id"] for row in await candidates(engine, "number")] == ["p1"]


async def test_a_number_that_took_the_place_of_another_is_only_possibly_the_same_persons(engine: Engine) -> None:
    await tell(engine, has("p1", "old"), same("old", "new", "proposed"), asked("c1", "old", 1), asked("c2", "new", 2))
    assert await said(engine, "party/p1") == [("c2", False), ("c1", True)]
    assert await said(engine, "address/new") == [("c2", True)]
    assert await candidates(engine, "new") == []


async def test_an_address_of_somebody_else_is_possible_for_both_when_a_provider_says_it_is_the_same(
    engine: Engine,
) -> None:
    await tell(engine, has("p1", "user"), has("p2", "number"), same("user", "number"), asked("c1", "number", 1))
    assert await said(engine, "party/p1") == await said(engine, "party/p2") == [("c1", False)]
    assert [row["party_id"] for row in await candidates(engine, "number")] == ["p1", "p2"]
