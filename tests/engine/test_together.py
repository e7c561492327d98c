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
