"""A provider that takes nothing from anybody is left alone, and one message finds out when it is back."""

from contextlib import suppress
from typing import Final

from hypothesis import given as examples
from hypothesis import strategies as st

from channels.channel import Undeliverable
from schemas.errors import Ambiguous, Unavailable
from services.intake.breaker import FAILED_MAX, PAUSES_S, Breaker
from tests.services.test_courier import at_work as couriers_at_work
from tests.services.test_courier import exactly, loopback

SMS: Final = ("sms", "main")
MAIL: Final = ("email", "info")
AWAY, LOST, NEVER = Unavailable("no"), Ambiguous("no"), Undeliverable("no", "no-mobile")


class Hand:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def tried(breaker: Breaker, address: str, fails: Exception | None = None, road: tuple[str, str] = SMS) -> bool:
    """Whether the provider was asked at all."""
    asked = False
    with suppress(Unavailable, Ambiguous, Undeliverable), breaker.passing(road, address):
        asked = True
        if fails:
            raise fails
    return asked


def broken(hand: Hand) -> Breaker:
    breaker = Breaker(hand)
    assert all(tried(breaker, f"a{n}", AWAY) for n in range(FAILED_MAX))
    return breaker


def test_it_rests_after_as_many_addresses_in_a_row_and_that_road_alone() -> None:
    breaker = broken(Hand())
    assert not tried(breaker, "b")
    assert tried(breaker, "b", road=MAIL)
    assert breaker.resting() == ["nothing leaves by [sms.main]: it is tried again within 5 minutes"]


def test_one_address_with_troubles_of_its_own_or_what_is_refused_rests_nothing() -> None:
    breaker = Breaker(Hand())
    for _ in range(3 * FAILED_MAX):
        assert tried(breaker, "a", AWAY)
        assert tried(breaker, "b", NEVER)
    for n in range(FAILED_MAX - 2):
        assert tried(breaker, f"c{n}", LOST)
    assert tried(breaker, "d")  # It took this one: what was before counts no more.
    assert all(tried(breaker, f"e{n}", AWAY) for n in range(FAILED_MAX - 1))
    assert breaker.resting() == []


def test_after_each_pause_one_finds_out_and_the_pauses_grow() -> None:
    hand = Hand()
    breaker = broken(hand)
    for pause_s in (*PAUSES_S, PAUSES_S[-1]):
        hand.now += pause_s - 0.1
        assert not tried(breaker, "b")
        hand.now += 0.1
        with suppress(Ambiguous), breaker.passing(SMS, "c"):
            assert not tried(breaker, "d")  # One at a time.
            raise LOST
    hand.now += PAUSES_S[-1]
    assert tried(breaker, "e", NEVER)  # Which says nothing: the next one finds out.
    assert breaker.resting()
    assert tried(breaker, "f")
    assert breaker.resting() == []
    assert all(tried(breaker, f"g{n}", AWAY) for n in range(FAILED_MAX))


@examples(st.lists(st.tuples(st.sampled_from([None, AWAY, LOST, NEVER]), st.floats(0, 400))))
def test_whatever_happens_it_is_tried_again_and_comes_back(steps: list[tuple[Exception | None, float]]) -> None:
    hand = Hand()
    breaker = Breaker(hand)
    for n, (fails, wait_s) in enumerate(steps):
        tried(breaker, f"a{n}", fails)
        hand.now += wait_s
    hand.now += PAUSES_S[-1]
    assert tried(breaker, "b")
    assert breaker.resting() == []


async def test_while_a_road_rests_nothing_is_tried_and_nothing_is_lost() -> None:
    road = loopback(*["unavailable"] * FAILED_MAX)
    async with couriers_at_work(road) as house:
        for n in range(FAILED_MAX):
            await house.write(f"m{n}", address=f"a{n}")
        await house.ends(exactly(FAILED_MAX))
        await house.write("late", address="b")
        assert "late postponed" in await house.ends(exactly(FAILED_MAX + 1))
        assert house.engine.meter.registry.get_sample_value("draad_roads_resting") == 1.0
