"""Timer: to wait, ask for one. That too is a fact; the engine answers at its hour."""

from typing import Annotated, ClassVar

from pydantic import StringConstraints

from schemas.event import PSEUDONYMOUS, About, Event, When

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][A-Za-z0-9._~-]*$", max_length=180), PSEUDONYMOUS]


class Timer(Event):
    """What the three facts of a timer share: the subject it is about, and its name there."""

    about: About
    name: Name

    @property
    def subject(self) -> str:
        return self.about


class TimerSet(Timer):
    """Wake this processor at `due`. A timer of the same name on the same subject is replaced."""

    type: ClassVar[str] = "timer.set"

    due: When


class TimerCleared(Timer):
    """Never mind: it will not elapse."""

    type: ClassVar[str] = "timer.cleared"


class TimerElapsed(Timer):
    """It is time: `at` is when it fired, never before `due`."""

    type: ClassVar[str] = "timer.elapsed"

    due: When
