"""One spelling per address, and a pseudonym that tells nobody whose it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.address import ADDRESS_CHARS_MAX, address, reachable_by_sms

PEPPER = b"a pepper"
MOBILE = "+31612345678"


@pytest.mark.parametrize(
    "spelling", ["06-12 34 56 78", "+31 6 12345678", "0031612345678", "06 1234 5678", "+31 (0)6 12345678"]
)
def test_one_telephone_is_one_address_however_it_is_written(spelling: str) -> None:
    assert address("phone", spelling).value == MOBILE


def test_one_telephone_is_one_address_whatever_it_is_used_for() -> None:
    assert len({address(kind, MOBILE).pseudonym(PEPPER) for kind in ("phone", "sms", "whatsapp")}) == 1


def test_a_mailbox_is_one_address_in_capitals_too() -> None:
    assert address("email", " Jan@Voorbeeld.nl") == address("email", "jan@voorbeeld.nl")


def test_another_pepper_kind_or_address_is_another_pseudonym() -> None:
    names = {
        address("phone", "0612345678").pseudonym(PEPPER),
        address("phone", "0612345679").pseudonym(PEPPER),
        address("chat", "0612345678").pseudonym(PEPPER),
        address("phone", "0612345678").pseudonym(b"another"),
    }
    assert len(names) == 4


@pytest.mark.parametrize("spelling", ["14 020", "14020", "(14) 020", "+31 14 020", "0031 14020", "+3114020"])
def test_the_number_of_a_municipality_stays_what_is_dialled_and_becomes_no_number_abroad(spelling: str) -> None:
    assert address("phone", spelling).value == "14020"
    assert address("phone", "14 0345").value == "140345"


@pytest.mark.parametrize("short", ["14 020", "112", "anoniem", "", "+31", "12345"])
def test_what_is_no_whole_number_is_kept_and_never_made_into_one(short: str) -> None:
    kept = address("phone", short)
    assert not kept.value.startswith("+316")
    assert kept == address("phone", kept.value)


@pytest.mark.parametrize(
    ("number", "can"),
    [
        (MOBILE, True),
        ("+32470123456", True),
        ("+3197012345678", False),
        ("0970 1234 5678", False),
        ("14020", False),
        ("14 020", False),
        ("+31201234567", False),
    ],
)
def test_an_sms_goes_to_mobiles_only_and_to_no_machine(number: str, can: bool) -> None:
    assert reachable_by_sms(number) is can


@given(st.sampled_from(["phone", "email", "chat", "letter"]), st.text(max_size=1_000))
def test_whatever_is_given_has_one_spelling_that_stays_the_same(kind: str, value: str) -> None:
    once = address(kind, value)
    assert address(once.kind, once.value) == once
    assert len(once.value) <= ADDRESS_CHARS_MAX
