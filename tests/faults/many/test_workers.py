"""Workers are killed, held, added, taken away, and told a wrong time: nothing is lost, doubled or out of order."""

from datetime import timedelta
from functools import partial
from typing import Final

import pytest

from engine.engine import utc_now
from tests.faults.conftest import Tell
from tests.faults.many.audit import audit, rung_in_time
from tests.faults.many.crew import Crew
from tests.faults.many.facts import SLOTS

pytestmark = [pytest.mark.xdist_group("faults-workers"), pytest.mark.timeout(600)]

KILLS: Final = 30
YOUNG: Final = 0.25  # So many are killed while they start.
AT_ONCE: Final = (1, 1, 2, 3)
WORK_S_MAX: Final = 1.5
ALL: Final = range(SLOTS)
WRONG_S: Final = (-3_600, 0, 3_600)  # Clocks when work begins.
JUMPS_S: Final = (-86_400, -3_600, -300, 300, 3_600, 86_400)
AHEAD: Final = timedelta(seconds=30)  # So much later are alarms due: while clocks jump, some wait and some ring.


async def test_killed_at_random_moments_under_load_they_lose_and_double_nothing(crew: Crew, tell: Tell) -> None:
    dice, young, holding = crew.dice, 0, 0
    await crew.hire(*ALL)
    left = KILLS
    while left:
        victims = dice.sample(ALL, min(left, dice.choice(AT_ONCE)))
        await crew.lasts(dice.uniform(0, WORK_S_MAX))
        for victim in victims:
            young += not crew.workers[victim].holder
            holding += bool(await crew.holds(victim))
        for victim in victims:
            await crew.kill(victim)
            await crew.begin(victim)
        for worker in crew.workers.values():
            if not worker.holder and dice.random() >= YOUNG:
                await worker.ready()
        left -= len(victims)
    for worker in crew.workers.values():
        if not worker.holder:
            await worker.ready()
    await crew.goes_on()
    sums = await audit(crew)
    tell(f"killed {KILLS} times, {young} at its start, {holding} with work in hand: {sums}")
    assert holding > 0
    assert sums.acknowledged > 0


async def test_who_stood_still_and_wakes_is_refused_what_others_have_taken_over(crew: Crew, tell: Tell) -> None:
    took = []
    await crew.hire(*ALL)
    for victim in crew.dice.sample(ALL, SLOTS):
        await crew.share()
        held, zombie = await crew.holds(victim), crew.workers[victim]
        assert held
        zombie.halt()
        await crew.until(zombie.stands_still, "it stands still, with a batch in hand")
        took.append(await crew.steps(held, but=zombie.holder))
        zombie.wake()
        await crew.until(partial(crew.refused, victim), "its batch is refused")
        await crew.goes_on()
    refused = crew.look().fenced.total()
    sums = await audit(crew)
    seconds = ", ".join(f"{second:.1f}" for second in took)
    tell(f"held {len(took)} times, taken over after {seconds} s, {refused} pushes of the woken refused: {sums}")


async def test_one_worker_becomes_three_and_one_again_under_load(crew: Crew, tell: Tell) -> None:
    await crew.hire(0)
    await crew.share()
    for _ in range(2):
        await crew.hire(1, 2)
        await crew.share()
        await crew.goes_on()
        await crew.dismiss(*crew.dice.sample((1, 2), 2))
        await crew.share()
        await crew.goes_on()
    tell(f"from one to three and back, twice: {await audit(crew)}")


async def test_clocks_that_are_wrong_and_jump_under_load_move_no_alarm(crew: Crew, tell: Tell) -> None:
    crew.ground.start += AHEAD
    for slot, wrong in zip(ALL, crew.dice.sample(WRONG_S, SLOTS), strict=True):
        crew.set_clock(slot, wrong)
    await crew.hire(*ALL)
    for jump in crew.dice.sample(JUMPS_S, len(JUMPS_S)):
        crew.set_clock(crew.dice.randrange(SLOTS), jump)
        await crew.goes_on()
    victim = crew.dice.randrange(SLOTS)
    await crew.kill(victim)
    await crew.hire(victim)
    await crew.share()
    until = utc_now()
    await crew.until(partial(crew.ground.nothing_due, until), "all alarms have rung that were due")
    await crew.dismiss(*crew.workers)
    latest = rung_in_time(await crew.ground.log(), until)
    sums = await audit(crew)
    tell(
        f"clocks wrong at the start, then {len(JUMPS_S)} jumps: the latest alarm {latest:.1f} s after its time: {sums}"
    )
