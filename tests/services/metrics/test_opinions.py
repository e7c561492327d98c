"""What they think is counted on the day on which they were asked, with who did not answer beside it."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hypothesis import given as over
from hypothesis import strategies as st

from engine.testing import shown
from schemas.event import Event
from schemas.opinion import OpinionAsked, OpinionCounted
from services.metrics.opinions import opinions

MONDAY: Final = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
ON: Final[dict[str, Any]] = {"party_id": "p", "about": "contact/c", "channel": "phone", "product": "paspoort"}


def asked(name: str, **said: Any) -> OpinionAsked:
    return OpinionAsked(at=MONDAY, opinion_id=name, happened_at=MONDAY, road="sms", **(ON | said))


def counted(name: str, score: int, before: int = 0, days: int = 0, **said: Any) -> OpinionCounted:
    at = MONDAY + timedelta(days=days)
    return OpinionCounted(
        at=at, opinion_id=name, happened_at=MONDAY, score=score, before=before, wanted_at=MONDAY, **(ON | said)
    )


def on_monday(*events: Event) -> dict[str, tuple[int, int]]:
    rows = [row for row in shown(opinions, *events) if row["grain"] == "day"]
    assert {row["since"] for row in rows} <= {"2026-03-02"}
    return {row["measure"]: (row["many"], row["total"]) for row in rows}


def test_of_two_who_were_asked_one_answered_later() -> None:
    assert on_monday(asked("o1"), asked("o2"), counted("o1", 8, days=3)) == {
        "opinion-asked": (2, 0),
        "opinion": (1, 8),
    }


def test_an_answer_that_is_mended_counts_once() -> None:
    mended = counted("o1", 3, before=8, days=1)
    assert on_monday(asked("o1"), counted("o1", 8), mended)["opinion"] == (1, 3)


def test_who_answers_was_asked_though_nobody_knows_that_the_question_left_us() -> None:
    assert on_monday(counted("o1", 8), asked("o1")) == {"opinion-asked": (1, 0), "opinion": (1, 8)}


def test_of_a_case_the_product_is_its_kind() -> None:
    case = {"channel": "case", "product": "unknown", "kind": "permit"}
    [row] = [row for row in shown(opinions, asked("o1", **case)) if row["grain"] == "month"]
    assert (row["channel"], row["product"]) == ("case", "permit")


@over(st.lists(st.tuples(st.sampled_from(["o1", "o2", "o3"]), st.integers(1, 10)), max_size=12))
def test_whatever_is_mended_the_sum_is_of_the_answers_that_stand(said: list[tuple[str, int]]) -> None:
    stands: dict[str, int] = {}
    events: list[Event] = [asked("o1"), asked("o2"), asked("o3")]
    for name, score in said:
        events.append(counted(name, score, before=stands.get(name, 0)))
        stands[name] = score
    found = on_monday(*events)
    assert found["opinion-asked"] == (3, 0)
    assert found.get("opinion", (0, 0)) == (len(stands), sum(stands.values()))
