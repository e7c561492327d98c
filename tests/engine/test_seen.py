"""Knowing a repeat: an id that was added is always found where it is, and forgotten only with its chunk."""

from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import seen
from engine.seen import Filter, chunk_of

SPACE = UUID(int=1)


def name(nth: int) -> bytes:
    return uuid5(SPACE, str(nth)).bytes


@pytest.fixture(params=[1, 3, 50, 500_000])
def per_block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """More ids than fit one filter, and fewer."""
    monkeypatch.setattr(seen, "BLOCK_IDS_MAX", request.param)
    return int(request.param)


def test_a_chunk_is_a_run_of_positions() -> None:
    size = 1 << seen.CHUNK_BITS
    assert [chunk_of(p) for p in (0, 1, size - 1, size, 2 * size)] == [0, 0, 0, 1, 2]


def test_every_id_is_found_in_a_range_that_holds_its_chunk(per_block: int) -> None:
    kept = [(nth // 10, name(nth)) for nth in range(400)]
    known = Filter(kept)
    for chunk, id_ in kept:
        assert any(chunk in chunks for chunks in known.chunks(id_))


def test_a_new_id_is_nearly_always_surely_new() -> None:
    known = Filter((nth // 1000, name(nth)) for nth in range(100_000))
    assert sum(bool([*known.chunks(name(nth))]) for nth in range(100_000, 110_000)) < 10


def test_a_full_filter_still_tells_most_apart() -> None:
    known = Filter((nth >> 14, name(nth)) for nth in range(500_000))
    vain = sum(bool([*known.chunks(name(nth))]) for nth in range(600_000, 610_000))
    assert vain < 10_000 / 100


def test_what_is_forgotten_is_the_old_and_never_the_young(per_block: int) -> None:
    known = Filter((nth // 10, name(nth)) for nth in range(400))
    known.forget(20)
    for nth in range(200, 400):
        assert any(nth // 10 in chunks for chunks in known.chunks(name(nth)))
    if per_block < 50:
        assert not any([*known.chunks(name(nth))] for nth in range(150))


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 50)), max_size=60), st.integers(0, 300))
def test_a_log_that_is_taken_back_a_chunk_loses_no_id(steps: list[tuple[int, int]], before: int) -> None:
    """A rolled-back transaction leaves ids of a chunk that the log has not reached: later ones are lower again."""
    chunk, kept, known = 0, list[tuple[int, bytes]](), Filter()
    for step, nth in steps:
        chunk = max(0, chunk + step - 1)
        known.add(chunk, name(nth))
        kept.append((chunk, name(nth)))
    known.forget(before)
    for at, id_ in kept:
        assert at < before or any(at in chunks for chunks in known.chunks(id_))
