"""Rows of an SQLite view come in one answer: each value as it was written, in the order that was asked for."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    func,
    literal,
    literal_column,
    select,
)

from engine.processor import Put
from engine.statements import compiled, make_view, put, selected
from engine.tables import view_of
from engine.values import number, text
from schemas.errors import Unavailable

NOTES: Final = Table(
    "note",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("word", Text),
    Column("kind", String(10)),
    Column("many", Integer),
    Column("done", Boolean),
)
SIZES: Final = Table("size", MetaData(), Column("id", Integer, primary_key=True), Column("metres", Float))

WORDS: Final = st.text(st.characters(exclude_categories=["Cs"]))  # All that can be written as UTF-8.
NUMBERS: Final = st.integers(-(2**63), 2**63 - 1)


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        make_view(made, NOTES, 1)
        yield made


def row(nth: int, **said: Any) -> Put:
    return Put({"id": nth, "word": None, "kind": None, "many": None, "done": None} | said)


@given(st.lists(st.tuples(st.none() | WORDS, st.none() | NUMBERS, st.none() | st.booleans()), max_size=20))
def test_each_value_is_as_it_was_written(values: list[tuple[str | None, int | None, bool | None]]) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        make_view(db, NOTES, 1)
        view = view_of(NOTES, 1)
        rows = [row(nth, word=word, many=many, done=done) for nth, (word, many, done) in enumerate(values)]
        put(db, view, rows)
        found = selected(db, select(view).order_by(view.c.id), {}).mappings()
        assert found == [dict(one.row) for one in rows]
        assert selected(db, select(view.c.word, view.c.id).order_by(view.c.id.desc()), {}).mappings() == [
            {"word": one.row["word"], "id": one.row["id"]} for one in reversed(rows)
        ]


@pytest.mark.parametrize(
    "word", ["", "\x00", "a\x00b", '"', "\\", "\u2028", "é", "🙂", "[1, 2]", "null", "x" * 100_000]
)
def test_no_text_is_taken_for_something_else(db: sqlite3.Connection, word: str) -> None:
    view = view_of(NOTES, 1)
    put(db, view, [row(1, word=word)])
    assert [one["word"] for one in selected(db, select(view.c.word), {}).mappings()] == [word]


def test_rows_come_in_the_order_that_was_asked_for_however_it_is_asked(db: sqlite3.Connection) -> None:
    view = view_of(NOTES, 1)
    put(db, view, [row(nth, many=nth * 7919 % 1_000, word=f"{nth % 10}") for nth in range(1_000)])
    by_many = select(view.c.many).order_by(view.c.many.desc())
    assert [one["many"] for one in selected(db, by_many, {}).mappings()] == [*range(999, -1, -1)]
    page = by_many.where(view.c.many < number("below")).limit(number("most"))
    assert [one["many"] for one in selected(db, page, {"below": 500, "most": 3}).mappings()] == [499, 498, 497]
    per_word = select(view.c.word, func.count().label("times")).group_by(view.c.word).order_by(view.c.word.desc())
    assert selected(db, per_word, {}).mappings()[0] == {"word": "9", "times": 100}
    both = select(view.c.id, literal(1).label("nth")).where(view.c.word == text("word"))
    assert len(selected(db, both.union_all(both).subquery().select(), {"word": "3"}).mappings()) == 200
    assert selected(db, by_many.where(view.c.id < 0), {}).mappings() == []


def test_what_json_cannot_hold_comes_row_by_row(db: sqlite3.Connection) -> None:
    make_view(db, SIZES, 2)
    view = view_of(SIZES, 2)
    third = 1 / 3
    put(db, view, [Put({"id": 1, "metres": third})])
    assert compiled(select(view)).names == ()
    assert selected(db, select(view), {}).mappings() == [{"id": 1, "metres": third}]


def test_a_column_of_which_nobody_says_the_type_is_no_slower_answer_but_an_error(db: sqlite3.Connection) -> None:
    with pytest.raises(TypeError, match="type nth is"):
        selected(db, select(view_of(NOTES, 1).c.id, literal_column("0").label("nth")), {})


def test_a_view_that_was_replaced_is_asked_for_again(db: sqlite3.Connection) -> None:
    with pytest.raises(Unavailable, match="rebuilt meanwhile"):
        selected(db, select(view_of(NOTES, 9)), {})
    with pytest.raises(Unavailable, match="rebuilt meanwhile"):
        selected(db, select(view_of(SIZES, 9)), {})
