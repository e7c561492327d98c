"""What is asked most takes as long among a million cards as among ten: it goes by an index that holds few of them."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Select, Table
from sqlalchemy.dialects import sqlite

from engine.statements import make_view
from engine.tables import view_of
from services.klantinteracties.asking import Shape, counted, named, page_of, same
from services.klantinteracties.cards import table as described
from tests.tools import Tool

EXACT = (
    ("klantcontacten", "nummer"),
    ("klantcontacten", "referentienummer"),
    ("klantcontacten", "hadBetrokkene__wasPartij__uuid"),
    ("klantcontacten", "onderwerpobject__onderwerpobjectidentificatorObjectId"),
    ("betrokkenen", "hadKlantcontact__nummer"),
    ("digitaleadressen", "adres"),
    ("digitaleadressen", "verstrektDoorPartij__uuid"),
    ("partijen", "nummer"),
    ("partijen", "partijIdentificator__objectId"),
    ("internetaken", "nummer"),
    ("internetaken", "referentienummer"),
    ("internetaken", "status"),
    ("actorklantcontacten", "klantcontact__uuid"),
)


class View:
    """An empty one, and how SQLite would find what is asked of it: with nothing in it, by its indexes alone."""

    def __init__(self, db: sqlite3.Connection) -> None:
        make_view(db, described, 1)
        self._db, self.table = db, view_of(described, 1)

    def plan(self, query: Select[Any]) -> list[str]:
        said = query.compile(dialect=sqlite.dialect(paramstyle="named"), compile_kwargs={"render_postcompile": True})
        values = {name: 1 if value is None else value for name, value in said.params.items()}
        return [row[3] for row in self._db.execute(f"EXPLAIN QUERY PLAN {said}", values)]


@pytest.fixture
def view() -> Iterator[View]:
    db = sqlite3.connect(":memory:")
    yield View(db)
    db.close()


def wide(plan: list[str]) -> list[str]:
    """The steps that go through all cards, or all of a kind."""
    return [step for step in plan if step.startswith("SCAN") or step.endswith(("(kind=?)", "(kind>?)"))]


@pytest.mark.parametrize(("kind", "asked"), EXACT)
def test_what_few_cards_are_is_looked_for_by_that(view: View, kind: str, asked: str) -> None:
    assert wide(view.plan(page_of(view.table, Shape(kind, (asked,), True, (), ())))) == []
    assert wide(view.plan(counted(view.table, kind, (asked,)))) == []


@pytest.mark.parametrize("column", ["number", "reference"])
def test_whether_a_number_is_given_already_is_looked_for_by_it(view: View, column: str) -> None:
    assert wide(view.plan(same(view.table, "klantcontacten", column))) == []


@pytest.mark.parametrize("column", ["uuid", "about", "contact", "party", "other"])
def test_what_belongs_to_a_card_is_looked_for_by_it(view: View, column: str) -> None:
    assert wide(view.plan(named(view.table, 4, column, "digitaleadressen"))) == []


def test_the_first_page_goes_by_the_order_of_the_list(view: View) -> None:
    plan = view.plan(page_of(view.table, Shape("klantcontacten", (), True, (), ())))
    assert not [step for step in plan if "TEMP B-TREE" in step]


def filed(table: Table) -> set[str]:
    return {index.columns.keys()[0] for index in table.indexes if index.dialect_options["sqlite"]["where"] is not None}


def test_a_card_is_filed_only_by_what_it_has() -> None:
    assert filed(described) == {"contact", "party", "other", "address_id", "object_id", "number", "reference"}


async def test_of_many_the_count_is_kept_for_a_moment_but_no_card_is_left_out(
    tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.klantinteracties.asking.MANY", 3)
    monkeypatch.setattr("services.klantinteracties.asking.COUNT_S_MAX", 3_600.0)

    async def page(number: int) -> tuple[int, int, bool]:
        answer = await tool.ask("klantcontacten", page=number, pageSize=2)
        return answer["count"], len(answer["results"]), answer["next"] is not None

    for _ in range(5):
        await tool.contact()
    assert await page(1) == (5, 2, True)
    await tool.contact()
    await tool.contact()
    assert await page(1) == (5, 2, True)
    assert await page(3) == (7, 2, True)
    assert await page(4) == (7, 1, False)


async def test_of_few_the_count_is_of_this_moment(tool: Tool) -> None:
    for nth in range(1, 4):
        await tool.contact()
        assert (await tool.ask("klantcontacten", pageSize=1))["count"] == nth
