"""Min, median and max of at least five runs, and of ratios taken pair by pair."""

import sys
from collections.abc import Awaitable, Callable, Sequence
from statistics import median
from typing import Final

PAIRS: Final = 5

Measure = Callable[[], Awaitable[float]]


async def paired(what: str, ours: Measure, bare: Measure, unit: str = "events/s", pairs: int = PAIRS) -> None:
    """Run both in turn, A B A B …, and print the ratio first."""
    mine, theirs = [], []
    for _ in range(pairs):
        mine.append(await ours())
        theirs.append(await bare())
    say(f"{what}: ratio to the bare loop", [a / b for a, b in zip(mine, theirs, strict=True)], "times", digits=2)
    say(f"{what}: Draad", mine, unit)
    say(f"{what}: bare loop", theirs, unit)


def say(what: str, values: Sequence[float], unit: str, digits: int = 0) -> None:
    """One row: what, min, median, max, unit, and over how many runs."""
    low, middle, high = (f"{value:,.{digits}f}" for value in (min(values), median(values), max(values)))
    sys.stdout.write(f"| {what} | {low} | {middle} | {high} | {unit} | {len(values)} |\n")
    sys.stdout.flush()


def head(title: str) -> None:
    sys.stdout.write(f"\n### {title}\n\n| what | min | median | max | unit | runs |\n|---|---|---|---|---|---|\n")
    sys.stdout.flush()


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
