"""A link opens one thing for whoever holds it; nobody can guess one, read one, or make one do for something else."""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.link import APPOINTMENT, PARTY, Link, Links

AT: Final = datetime(2026, 11, 23, 9, 41, tzinfo=UTC)
HOUR: Final = AT.replace(minute=0)
NAME: Final = "6f2ab4f0-9e3d-5c1b-8a7e-0123456789ab"
LINKS: Final = Links(b"l" * 32, "https://draad.voorbeeld.nl")
TOKEN: Final = LINKS.token(APPOINTMENT, NAME, AT)


def test_it_opens_what_it_was_made_for_and_says_since_when() -> None:
    assert LINKS.to(APPOINTMENT, NAME, AT) == f"https://draad.voorbeeld.nl/a/{TOKEN}"
    assert LINKS.read(APPOINTMENT, TOKEN) == Link(NAME, HOUR)


@given(st.uuids(), st.timedeltas(timedelta(), timedelta(days=365_000)))
def test_any_name_and_hour_come_back_from_26_characters_that_may_stand_anywhere(name: UUID, later: timedelta) -> None:
    at = AT + later
    token = LINKS.token(PARTY, str(name), at)
    assert (len(token), token.isascii(), token[-1].isalnum()) == (26, True, True)
    assert LINKS.read(PARTY, token) == Link(str(name), at.replace(minute=0, second=0, microsecond=0))


def test_nothing_of_the_name_can_be_read_and_no_two_look_alike() -> None:
    near = str(UUID(int=UUID(NAME).int ^ 1))
    others = {
        LINKS.token(kind, name, AT + timedelta(hours=n)) for kind in "am" for name in (NAME, near) for n in (0, 1)
    }
    assert len(others) == 8
    assert len({token[:4] for token in others}) == 8
    assert not any(part in TOKEN for part in NAME.split("-"))


def opens(token: str, kind: str = APPOINTMENT, links: Links = LINKS) -> bool:
    found = links.read(kind, token)
    return found is not None and found.name == NAME


def test_a_link_for_one_kind_or_of_another_house_opens_nothing_here() -> None:
    assert opens(TOKEN)
    assert not opens(TOKEN, PARTY)
    assert not opens(TOKEN, links=Links(b"m" * 32, ""))


@pytest.mark.parametrize("at", range(26))
def test_with_one_sign_changed_it_opens_nothing(at: int) -> None:
    assert not any(opens(TOKEN[:at] + sign + TOKEN[at + 1 :]) for sign in "AQgwabz059-_" if sign != TOKEN[at])


@pytest.mark.parametrize(
    "token", ["", TOKEN[:-1], f"{TOKEN}A", f"{TOKEN}=", f" {TOKEN}", f"{TOKEN}\n", NAME, "/" * 26, "é" * 26, "A" * 500]
)
def test_what_is_spelled_otherwise_is_not_even_looked_up(token: str) -> None:
    assert LINKS.read(APPOINTMENT, token) is None


@pytest.mark.parametrize("name", ["", "jcc-4711", f"unknown.{NAME}", NAME.upper(), f"{NAME}0", "../etc"])
def test_of_a_name_that_is_not_ours_no_link_is_made(name: str) -> None:
    assert LINKS.to(APPOINTMENT, name, AT) == ""


def test_where_the_world_cannot_come_there_is_none() -> None:
    assert Links(b"l" * 32, "").to(APPOINTMENT, NAME, AT) == ""
