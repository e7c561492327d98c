"""`python -m bench.rivals [--events N] [--runs N] [--kills N] [--seed N] [NAME …]`: all rivals, or only these."""

import asyncio
import platform
import secrets
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final

from bench.figures import PAIRS
from bench.rivals.draad import Draad
from bench.rivals.kills import kill_each
from bench.rivals.race import race
from bench.rivals.rival import Rival
from bench.rivals.stage import Place, stage_at
from infra.servers import Kafka, Postgres

EVENTS: Final = 200_000  # Enough for one who commits every five seconds to do so twice.
RIVALS: Final = (
    Draad("Draad"),
    Rival("faust, at least once", "faust", exact=False),
    Rival("faust, exactly once", "faust", exact=True),
    Rival("quix, exactly once", "quix", exact=True),
)


async def play(rivals: Sequence[Rival], asked: Namespace) -> None:
    for rival in rivals:
        rival.prepare()
    with Kafka(lasting=True) as kafka, Postgres() as postgres:
        place = Place(kafka.address, asked.partitions, postgres.url())
        async with stage_at(place) as stage, AsyncExitStack() as kept:
            for rival in rivals:
                kept.push_async_callback(rival.close)
            if asked.runs:
                await race(stage, rivals, asked.events, asked.runs)
            if asked.kills:
                await kill_each(stage, rivals, asked.kills, asked.seed)


def main(words: list[str]) -> int:
    parser = ArgumentParser(prog="python -m bench.rivals")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only rivals whose name begins with this")
    for option, default in {"events": EVENTS, "runs": PAIRS, "kills": 10, "partitions": 4}.items():
        parser.add_argument(f"--{option}", type=int, default=default, help=f"{default:,} unless told")
    parser.add_argument("--seed", type=int, default=secrets.randbits(32), help="of the moments of the kills")
    asked = parser.parse_args(words)
    rivals = [rival for rival in RIVALS if not asked.names or rival.name.startswith(tuple(asked.names))]
    if not rivals:
        parser.error(f"take one of {', '.join(rival.name for rival in RIVALS)}")
    sys.stdout.write(f"Python {platform.python_version()}, seed {asked.seed}\n")
    sys.stdout.flush()
    asyncio.run(play(rivals, asked))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
