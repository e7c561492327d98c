"""What changes of rows come to: a database and a table of the moment agree, whatever is put, dropped and added."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Index, Integer, MetaData, String, Table, select

from engine.processor import Add, Change, Drop, Put, projection
from engine.rows import fold, runs
from engine.statements import make_view, put, selected
from engine.tables import view_of
from schemas.contact import ContactReceived
from schemas.event import Envelope

ONE: Final = Table("one", MetaData(), Column("many", Integer), Column("day", String, primary_key=True))
TWO: Final = Table(
    "two",
    MetaData(),
    Column("total", Integer, nullable=False),
    Column("day", String, primary_key=True),
    Column("many", Integer, nullable=False),
    Column("road", String, primary_key=True),
)
days, numbers = st.sampled_from(["mon", "tue"]), st.integers(-(10**6), 10**6)


def changes(table: Table) -> st.SearchStrategy[list[Change]]:
    key = st.fixed_dictionaries({column.name: days for column in table.primary_key.columns})
    rest = {column.name: numbers for column in table.columns if not column.primary_key}
    return st.lists(
        st.one_of(
            st.builds(lambda k, r: Put(k | r), key, st.fixed_dictionaries(rest)),
            st.builds(Drop, key),
            st.builds(Add, key, st.fixed_dictionaries({}, optional=rest), st.lists(key, max_size=3)),
        )
    )


@pytest.mark.parametrize("table", [ONE, TWO], ids=["a key of one", "a key of two"])
@given(data=st.data())
def test_a_database_comes_to_what_a_table_of_the_moment_comes_to(table: Table, data: st.DataObject) -> None:
    made = data.draw(changes(table))
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for change in made:
        fold(rows, change, table)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        make_view(db, table, 1)
        view = view_of(table, 1)
        put(db, view, made)
        found = selected(db, select(view).order_by(*view.primary_key.columns), {}).mappings()
    assert (
        found == [{column: rows[name][column] for column in found[0]} for name in sorted(rows)] if found else not rows
    )


def test_what_is_added_to_one_row_is_written_once_and_in_the_order_of_the_key() -> None:
    adds: Sequence[Change] = [Add({"day": day, "road": "a"}, {"many": 1}) for day in ("tue", "mon", "tue")]
    [(kind, values)] = runs(TWO, adds)
    assert (kind, values) == (Add, [("mon", "a", 0, 1), ("tue", "a", 0, 2)])


def test_what_is_added_to_several_rows_at_once_is_added_to_each() -> None:
    both = {"day": "mon", "road": "a"}, [{"day": "tue", "road": "a"}]
    adds: Sequence[Change] = [Add(both[0], {"many": nth}, both[1]) for nth in (1, 2)] + [Add(both[0], {"total": 5})]
    [(_, values)] = runs(TWO, adds)
    assert values == [("mon", "a", 5, 3), ("tue", "a", 0, 3)]
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for add in adds:
        fold(rows, add, TWO)
    assert {name: (row["total"], row["many"]) for name, row in rows.items()} == {
        ("mon", "a"): (5, 3),
        ("tue", "a"): (0, 3),
    }


def test_a_view_of_which_an_index_would_never_be_made_is_no_view() -> None:
    columns = (Column("day", String, primary_key=True), Column("many", Integer), Column("total", Integer))
    apart = Table("apart", MetaData(), *columns, Index(None, "many"), Index("by_total", "many", "total"))
    assert projection("bench.apart", apart, shown).table is apart
    columns = (Column("day", String, primary_key=True), Column("many", Integer), Column("total", Integer))
    alike = Table("alike", MetaData(), *columns, Index(None, "many"), Index(None, "many", "total"))
    with pytest.raises(ValueError, match="two indexes of alike have the same name"):
        projection("bench.alike", alike, shown)


def shown(_event: ContactReceived, _cause: Envelope) -> list[Put]:
    return []
