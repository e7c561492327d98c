"""A party is told where they prefer, else where they are known for certain; and by a person where they want one."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from engine.testing import Scene, given
from schemas.notification import NotificationRequested, NotificationWanted
from schemas.party import PartyAddressLinked, PartyAddressUnlinked, PartyPreferenceSet
from services.notify.reach import ADDRESSES_MAX, Reach, reaching

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
    assert (roads(found), found.why, found.language) == ([("sms", "t"), ("email", "m")], "preference", "en")


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
