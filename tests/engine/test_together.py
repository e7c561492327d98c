"""Whoever asks together is answered, whatever becomes of the answer, and so is whoever asks next."""

import asyncio

import pytest

from engine.together import Together
from schemas.errors import Unavailable


async def test_an_answer_that_a_library_cancelled_is_told_and_the_next_question_is_answered() -> None:
    cancels = True

    async def answer(questions: list[int]) -> list[int | Exception]:
        if cancels:
            raise asyncio.CancelledError
        return [*questions]

    together = Together[int, int](answer)
    with pytest.raises(Unavailable):
        await together.ask(1)
    cancels = False
    assert await together.ask(2) == 2


async def test_who_has_gone_before_the_next_lot_is_in_none_and_what_is_in_hand_is_waited_for() -> None:
    lots, asked, go = list[list[int]](), asyncio.Event(), asyncio.Event()

    async def answer(questions: list[int]) -> list[int]:
        lots.append(questions)
        asked.set()
        await go.wait()
        return questions

    together = Together[int, int](answer)
    asking = [asyncio.create_task(together.ask(1))]
    await asked.wait()
    asking += [asyncio.create_task(together.ask(number)) for number in (2, 3)]
    await asyncio.sleep(0)
    for gone in (0, 1):
        asking[gone].cancel()
    over = asyncio.create_task(together.over())
    await asyncio.sleep(0)
    assert not over.done()  # What the first one asked happens all the same.
    go.set()
    await over
    assert lots == [[1], [3]]
    assert await asking[2] == 3
    await together.over()  # There is nothing to wait for.
