"""Parts step one at a time, and whoever else waits for the loop goes first."""

import asyncio
from itertools import pairwise
from time import perf_counter

import pytest

from engine.pace import FEW, IDLE_S, STRETCH_S, Pace, most

STEPS = 5
BUSY_S = 4 * IDLE_S  # Longer than an idle loop takes to come round.


def busy(for_s: float) -> None:
    until = perf_counter() + for_s
    while perf_counter() < until:
        pass


async def test_who_asks_goes_first_and_yet_every_step_is_taken() -> None:
    pace, told = Pace(), list[str]()

    def step() -> None:
        busy(BUSY_S)
        told.append("step")

    async def part() -> None:
        for _ in range(STEPS):
            await pace.step(step)

    stepping = asyncio.create_task(part())
    async with asyncio.timeout(30):
        while not stepping.done():  # Somebody who always asks.
            busy(BUSY_S)
            told.append("ask")
            await asyncio.sleep(0)
    steps = [nth for nth, what in enumerate(told) if what == "step"]
    assert len(steps) == STEPS
    assert all(later - earlier > 1 for earlier, later in pairwise(steps))


async def test_two_parts_never_step_in_one_round_of_a_loop_that_somebody_waits_for() -> None:
    pace, told = Pace(), list[str]()

    def step() -> None:
        busy(BUSY_S)
        told.append("step")

    parts = [asyncio.create_task(pace.step(step)) for _ in range(STEPS)]
    async with asyncio.timeout(30):
        while not all(one.done() for one in parts):
            busy(BUSY_S)
            told.append("ask")
            await asyncio.sleep(0)
    assert "step step" not in " ".join(told)


async def test_a_step_that_fails_lets_the_next_one_go() -> None:
    pace = Pace()
    with pytest.raises(ZeroDivisionError):
        await pace.step(lambda: 1 / 0)
    async with asyncio.timeout(30):
        assert await pace.step(lambda: "taken") == "taken"


def test_a_batch_is_as_large_as_its_steps_are_quick() -> None:
    assert most(100, STRETCH_S) == 100
    assert most(100, 2 * STRETCH_S) == 50
    assert most(1, 10.0) == FEW
    assert most(500, 0.0) > 500
