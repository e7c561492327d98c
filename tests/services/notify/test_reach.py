"""A party is told where they prefer, else where they are known for certain; and by a person where they want one."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from engine.testing import Scene, given
from schemas.kinds import KINDS, OPTIONAL
from schemas.notification import NotificationRequested, NotificationWanted
from schemas.party import PartyAddressLinked, PartyAddressUnlinked, PartyKindPreferred, PartyPreferenceSet
from services.notify.hours import RECEIVED
from services.notify.reach import ADDRESSES_MAX, Reach, reaching
from services.notify.texts import read_texts

NOW: Final = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)

mail = PartyAddressLinked(
    at=NOW, party_id="p1", address_id="m", channel="email", address="j@mail.example", certainty="certain"
)
number = PartyAddressLinked(
    at=NOW, party_id="p1", address_id="t", channel="phone", address="+31612345678", certainty="certain"
)


def wanted(template: str = "case-status", **more: Any) -> NotificationWanted:
    said: dict[str, Any] = {"notification_id": "n1", "party_id": "p1", "about": "case/k1", "template": template}
    return NotificationWanted(at=NOW, **said, until=NOW + timedelta(days=3), title="Paspoort", **more)


def asked(scene: Scene[Reach], **more: Any) -> NotificationRequested:
    [outcome] = scene.when(wanted(**more))._outcomes
    return NotificationRequested.model_validate_json(outcome.data)


def roads(found: NotificationRequested) -> list[tuple[str, str]]:
    return [(route.channel, route.address_id) for route in found.routes]


def test_by_mail_and_else_by_sms_and_a_reminder_the_other_way_round() -> None:
    scene = given(reaching, number, mail)
    found = asked(scene)
    assert (found.subject, found.title, found.why) == ("notification/n1", "Paspoort", "usual")
    assert roads(found) == [("email", "m"), ("sms", "t")]
    assert roads(asked(scene, template="appointment-reminder")) == [("sms", "t"), ("email", "m")]


def test_no_text_goes_to_a_telephone_that_shows_none() -> None:
    landline = number.model_copy(update={"address": "+31201234567", "address_id": "l"})
    assert roads(asked(given(reaching, number, landline))) == [("sms", "t")]  # Though it was told later.
    found = asked(given(reaching, landline))
    assert (roads(found), found.why) == ([], "no-mobile")
    assert roads(asked(given(reaching, landline, mail), template="appointment-reminder")) == [("email", "m")]
    given_for_it = {"channel": "sms", "address": "+31201234567", "address_id": "l"}
    assert roads(asked(given(reaching, number), **given_for_it)) == [("sms", "t")]


def test_first_on_the_road_that_they_prefer_and_in_their_language() -> None:
    preference = PartyPreferenceSet(at=NOW, party_id="p1", channel="whatsapp", language="en")
    found = asked(given(reaching, mail, number, preference))
    assert roads(found) == [("whatsapp", "t"), ("sms", "t"), ("email", "m")]
    assert (found.why, found.language) == ("preference", "en")
    landline = number.model_copy(update={"address": "+31201234567"})
    assert roads(asked(given(reaching, mail, landline, preference))) == [("email", "m")]


def preferred(kind: str, channel: str) -> PartyKindPreferred:
    return PartyKindPreferred(at=NOW, party_id="p1", kind=kind, channel=channel)


def test_what_they_prefer_for_one_kind_comes_before_what_they_prefer_for_all() -> None:
    all_of = PartyPreferenceSet(at=NOW, party_id="p1", channel="sms")
    scene = given(reaching, mail, number, all_of, preferred("cases", "email"), preferred("reminders", "phone"))
    opened = asked(scene, template="case-opened")
    assert (roads(opened), opened.why) == ([("email", "m"), ("sms", "t")], "preference-of-kind")
    assert (roads(asked(scene)), asked(scene).why) == ([("sms", "t"), ("email", "m")], "preference")
    assert asked(scene, template="appointment-reminder").why == "prefers-a-person"
    back = given(reaching, mail, number, all_of, preferred("cases", "email"), preferred("cases", "unknown"))
    assert asked(back, template="case-opened").why == "preference"


def test_what_is_off_goes_nowhere_and_what_they_have_to_hear_is_never_off() -> None:
    scene = given(reaching, mail, number, *(preferred(kind, "off") for kind in KINDS))
    for kind, templates in KINDS.items():
        for found in (asked(scene, template=template) for template in templates):
            assert (found.why == "switched-off", found.routes == ()) == (kind in OPTIONAL, kind in OPTIONAL)


def test_every_text_is_of_one_kind_but_that_we_have_what_they_asked() -> None:
    chosen = [template for templates in KINDS.values() for template in templates]
    assert sorted([*chosen, RECEIVED]) == sorted(read_texts()["nl"])


home = PartyAddressLinked(
    at=NOW, party_id="p1", address_id="h", channel="post", address="J. Bakker, Dorpsstraat 1", certainty="certain"
)


def test_a_letter_is_the_last_road_but_no_reminder_and_the_only_one_for_who_prefers_it() -> None:
    scene = given(reaching, home, mail, number)
    assert roads(asked(scene)) == [("email", "m"), ("sms", "t"), ("letter", "h")]
    assert roads(asked(scene, template="appointment-reminder")) == [("sms", "t"), ("email", "m")]
    paper = PartyPreferenceSet(at=NOW, party_id="p1", channel="letter")
    found = asked(given(reaching, home, mail, number, paper))
    assert (roads(found), found.why) == ([("letter", "h")], "preference")
    for_it = {"channel": "letter", "address": "J. Bakker, Kade 2", "address_id": "k"}
    assert roads(asked(given(reaching, home, paper), **for_it)) == [("letter", "k")]


@pytest.mark.parametrize("channel", ["phone", "letter", "counter"])
def test_who_wants_a_person_is_told_by_one(channel: str) -> None:
    preference = PartyPreferenceSet(at=NOW, party_id="p1", channel=channel)
    found = asked(given(reaching, mail, number, preference))
    assert (roads(found), found.why) == ([], "prefers-a-person")


def test_the_address_that_they_gave_for_this_comes_before_those_that_are_known() -> None:
    found = asked(given(reaching, mail, number), channel="email", address="werk@mail.example", address_id="w")
    assert roads(found) == [("email", "w"), ("sms", "t")]


def test_of_several_addresses_the_one_that_was_told_last() -> None:
    other = mail.model_copy(update={"address_id": "m2"})
    assert roads(asked(given(reaching, mail, other))) == [("email", "m2")]
    assert roads(asked(given(reaching, mail, other, mail))) == [("email", "m")]


def test_never_at_an_address_that_is_only_presumed_or_is_theirs_no_more() -> None:
    presumed = mail.model_copy(update={"certainty": "proposed"})
    found = asked(given(reaching, mail, presumed))
    assert (roads(found), found.why) == ([], "no-address")
    gone = PartyAddressUnlinked(at=NOW, party_id="p1", address_id="m")
    assert roads(asked(given(reaching, mail, gone))) == []


def test_somebody_with_ever_more_addresses_is_kept_small() -> None:
    many = [mail.model_copy(update={"address_id": f"m{n}"}) for n in range(3 * ADDRESSES_MAX)]
    assert len(given(reaching, *many).knows("party/p1").routes) == ADDRESSES_MAX
