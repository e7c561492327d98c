"""What ops see of the engine: numbers under the names of parts, and never a subject."""

from datetime import timedelta

from prometheus_client import generate_latest

from engine.engine import Engine
from engine.memory import Disk, MemoryStore
from engine.metrics import Meter
from schemas.event import fact
from tests.contract.parts import PARTS, Asked, added, shy_parts
from tests.contract.places import MONDAY, Clock

SECRET = "Vledderveen"


async def measured() -> tuple[Engine, Clock]:
    clock = Clock()
    engine = Engine(MemoryStore(Disk(), clock, seed=1), clock=clock, meter=Meter())
    await engine.append(*(added(MONDAY, f"jar/{SECRET}", n, str(n), note=SECRET) for n in (1, 2, 13, 4)))
    await engine.append(fact(Asked(at=MONDAY, about="bed/a", name="nap", due=MONDAY + timedelta(hours=1)), key="1"))
    await engine.settle(*shy_parts())
    engine.meter.stand(await engine.standings())
    return engine, clock


def value(engine: Engine, name: str, **labels: str) -> float | None:
    return engine.meter.registry.get_sample_value(name, labels)


async def test_facts_batches_steps_and_what_is_parked_are_counted() -> None:
    engine, _ = await measured()
    assert value(engine, "draad_facts_appended_total") == 5
    assert value(engine, "draad_batch_events_sum", part="tally") == 4
    assert value(engine, "draad_step_seconds_count", part="tally") == value(
        engine, "draad_batch_events_count", part="tally"
    )
    assert value(engine, "draad_parked_total", part="tally") == 2
    assert value(engine, "draad_parked_total", part="book") is None


async def test_how_every_task_stands_is_shown() -> None:
    engine, clock = await measured()
    assert value(engine, "draad_behind_events", part="tally", version="1") == 0
    assert value(engine, "draad_parked_events", part="tally", version="1") == 2
    clock.pass_(hours=2)
    await engine.append(added(MONDAY, "jar/b", 1, "x"))
    engine.meter.stand(await engine.standings())
    assert value(engine, "draad_behind_events", part="tally", version="1") == 1
    assert value(engine, "draad_timers_due", part="bell", version="1") == 1


async def test_a_task_that_is_gone_is_forgotten() -> None:
    engine, _ = await measured()
    engine.meter.stand([])
    assert value(engine, "draad_behind_events", part="tally", version="1") is None


async def test_no_metric_names_a_subject_or_quotes_a_value() -> None:
    engine, _ = await measured()
    await engine.redrive("tally")
    await engine.settle(*PARTS)
    assert SECRET not in generate_latest(engine.meter.registry).decode()
