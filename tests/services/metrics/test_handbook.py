"""The document says of every figure what its definition says, and of every threshold what may be set."""

from collections.abc import Sequence
from pathlib import Path

from services.metrics.definitions import Definition, Term, definitions
from services.metrics.tally import DAY, DAYS, HOUR, HOURS, QUICK, SECOND

TEXT = (Path(__file__).parents[3] / "docs" / "figures.md").read_text()


def made_of(one: Definition) -> str:
    if one.share:
        return f"{added(one.share.part)}, of {added(one.share.whole)}"
    if one.stock:
        came, went = (" and ".join(f"`{measure}`" for measure in side) for side in (one.stock.came, one.stock.went))
        return f"{came}, without {went}"
    return f"the mean of `{one.mean}`" if one.mean else added(one.sum)


def added(terms: Sequence[Term]) -> str:
    return " and ".join(said(term) for term in terms)


def said(term: Term) -> str:
    splits = f" ({', '.join(term.splits)})" if term.splits else ""
    within = f" within `{term.within}`" if term.within else ""
    beyond = f" beyond `{term.beyond}`" if term.beyond else ""
    return f"`{term.measure}`{splits}{within}{beyond}"


def row(one: Definition) -> str:
    return f"| `{one.name}` {one.version} | {one.title} | {one.en} | {made_of(one)} |"


def test_each_figure_stands_in_the_document_as_it_is_defined() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("| `") and line.count("|") == 5]
    assert rows == [row(one) for one in definitions().values()]


def test_the_thresholds_that_may_be_set_are_the_bounds_that_are_kept() -> None:
    for scale, unit, word in ((QUICK, SECOND, "seconds"), (HOURS, HOUR, "hours"), (DAYS, DAY, "days")):
        *most, last = [str(bound // unit) for bound in scale if bound % unit == 0]
        assert f"{', '.join(most)} or {last} {word} |" in TEXT
