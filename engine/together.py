"""Whoever asks the same thing in the same moment is answered together."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from schemas.errors import Unavailable

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Together(Generic[Question, Answer]):
    """Gathers questions until the loop comes round. While one lot is being answered, the next one gathers."""

    def __init__(self, answer: Callable[[list[Question]], Awaitable[Sequence[Answer | Exception]]]) -> None:
        self._answer = answer
        self._waiting: list[tuple[Question, asyncio.Future[Answer]]] = []
        self._answering: asyncio.Task[None] | None = None

    async def ask(self, question: Question) -> Answer:
        """Raises what it is answered with, or what all are answered with."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._answering is None:
            self._answering = asyncio.create_task(self._answer_all())
        return await future

    async def over(self) -> None:
        """Wait until nothing is being answered: what was asked, whoever has gone since, has happened then or never."""
        if self._answering:
            await asyncio.wait([self._answering])

    async def _answer_all(self) -> None:
        while group := [one for one in self._waiting if not one[1].done()]:  # Whoever asked may have gone.
            self._waiting = []
            answers: Sequence[Answer | Exception]
            try:
                answers = await self._answer([question for question, _ in group])
            except Exception as error:  # noqa: BLE001  # Each of them gets it.
                answers = [error] * len(group)
            except asyncio.CancelledError:
                if self._answering and self._answering.cancelling():
                    raise
                answers = [Unavailable("the question was stopped by nobody: ask again")] * len(group)
            for (_, future), answer in zip(group, answers, strict=True):
                if future.done():
                    continue
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)
        self._answering, self._waiting = None, []
