"""Places among what is new: what is written is read again, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Refused
from schemas.event import NINE_DIGITS
from services.desk.place import PLACE_CHARS_MAX, Place, entry_of, spot

AT = "2026-11-23T09:00:00.000000Z"

topics = st.from_regex(r"[a-z][a-z-]{0,20}", fullmatch=True)
names = st.just("") | st.builds("{}-{}".format, topics, st.integers(0, 999_999))
positions = st.integers(0, 10**18 - 1)
editions = st.builds("{}.{}".format, st.integers(1, 10**9), st.integers(0, 10**8 - 1))
places = st.builds(Place, editions, st.dictionaries(names, positions, max_size=40))


@given(places)
def test_a_place_is_read_as_it_was_written(place: Place) -> None:
    text = str(place)
    assert Place.read(text) == place
    assert text.isascii()
    assert not NINE_DIGITS.search(text), "an address that looks as if it held a BSN is refused"


@given(st.text() | st.from_regex(r"e[0-9]\.[0-9](([a-c]-?[0-9]*)?p[0-9]*)*", fullmatch=True))
def test_what_is_read_is_written_the_same(text: str) -> None:
    place = Place.read(text)
    assert place is None or str(place) == text


@given(names, positions)
def test_an_entry_is_found_where_a_page_ended(partition: str, position: int) -> None:
    assert entry_of(f"{AT}{spot(partition, position)}") == (AT, partition, position)


def test_on_one_machine_a_place_is_short() -> None:
    assert str(Place("1.0", {"": 7})) == "e1.0p7"
    assert str(Place("12.3", {"address-1": 9, "address-0": 7})) == "e12.3address-0p7address-1p9"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "e",
        "e1.0p",
        "e1.0p07",
        "e1.0p7p7",
        "e1.0p7 ",
        "e1.0p7\n",
        "E1.0p7",
        "e1.0address-1p9address-0p7",
        "e1.0address-0p7address-0p7",
        "e1.0address-00p7",
        "e1.0address-p7",
        "e1.0address/3f2ap7",
        "e1.0-0p7",
        "e1.0p-7",
        "e1.0p\u0667",
        f"e1.0p{10**18}",
        "e1.0" + "a" * 61 + "-0p7",
        "e1.0" + "".join(f"address-{n}p1" for n in range(10_000, 11_000)),
        "e1.0" + "a-" * PLACE_CHARS_MAX,
        "e1.0" + "p1" * 10**6,
    ],
)
def test_any_other_text_names_no_place(text: str) -> None:
    assert Place.read(text) is None


@pytest.mark.parametrize(
    "text", ["Jan", AT, f"{AT}p", f"{AT}p\u0667", f"{AT}address-p1", f"{AT}p1\n", f"{AT}p" + "1" * 99]
)
def test_what_is_no_entry_is_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(Refused) as refused:
        entry_of(text)
    assert text not in str(refused.value)


def test_who_saw_an_entry_saw_all_before_it_on_its_partition_and_nothing_of_another() -> None:
    place = Place("1.0", {}).past("address-0", 5).past("address-1", 3).past("address-0", 6)
    assert [place.saw("address-0", n) for n in (5, 6, 7)] == [True, True, False]
    assert [place.saw("address-1", n) for n in (3, 4)] == [True, False]
    assert not place.saw("address-2", 1)
