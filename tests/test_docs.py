"""What is written is what is so: events, commands, snippets, paths, links, decisions and locks.

A Python snippet in a document says how it is kept true, after the word `python`:
`run` runs it as a program of its own; `from engine/store.py` finds it word for word in that file.
"""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent, indent
from typing import Any, Final, NamedTuple

import pytest
import typer
from packaging.requirements import Requirement

from tests.tidy import ROOMS, ROOT, files

DOCUMENTS: Final = {name: path.read_text() for name, path in files() if name.endswith(".md")}
DECISIONS: Final = sorted(path.name for path in (ROOT / "docs/decisions").glob("*.md"))
SECTIONS: Final = ("## Context", "## Decision", "## What we give up")
SHELLS: Final = frozenset({"", "sh", "bash", "console"})

FENCE: Final = re.compile(r"^```(\w*) ?(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
SPAN: Final = re.compile(r"`([^`\n]+)`")
LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)
PIN: Final = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)


class Fence(NamedTuple):
    document: str
    line: int
    language: str
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def fences(document: str) -> Iterator[Fence]:
    text = DOCUMENTS[document]
    for found in FENCE.finditer(text):
        yield Fence(document, text.count("\n", 0, found.start()) + 1, *found.groups())


def prose(document: str) -> str:
    return FENCE.sub("", DOCUMENTS[document])


def commands(program: str) -> Iterator[tuple[str, list[str]]]:
    """Where a document names a command, and its words."""
    for document in DOCUMENTS:
        shown = [line for f in fences(document) if f.language in SHELLS for line in f.text.splitlines()]
        for code in (*SPAN.findall(prose(document)), *shown):
            words = shlex.split(code.removeprefix("$ "), comments=True) if program in code else []
            if words[:1] == [program]:
                yield document, words[1:]


SNIPPETS: Final = [f for document in DOCUMENTS for f in fences(document) if f.language == "python"]


def test_every_event_is_described() -> None:
    from schemas import CATALOGUE

    headings = {heading for heading in HEADING.findall(prose("docs/events.md")) if "." in heading}
    assert sorted(headings ^ CATALOGUE.keys()) == []


def test_every_make_verb_that_a_document_names_exists() -> None:
    verbs = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {(d, w) for d, words in commands("make") for w in words if w.isalpha() and w.islower()}
    assert [f"{document} names make {verb}" for document, verb in sorted(named) if verb not in verbs] == []


def test_every_verb_explains_itself() -> None:
    makefile = (ROOT / "Makefile").read_text()
    verbs = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert verbs == set(re.findall(r"^([a-z]+):.*## \S", makefile, re.MULTILINE))
    assert verbs == set(re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split())


def test_every_draad_command_that_a_document_names_exists() -> None:
    from draad.cli import app

    group = typer.main.get_group(app)
    missing = []
    for document, words in commands("draad"):
        command = said(group, [word for word in words if not word.startswith("-")])
        known = {name for p in command.params for name in p.opts} | {"--help"} if command else set()
        asked = {word.partition("=")[0] for word in words if word.startswith("-")}
        if command is None or not asked <= known:
            missing.append(f"{document} names draad {' '.join(words)}")
    assert missing == []


def said(group: Any, words: list[str]) -> Any:
    """The command that these words name, as far down as there are commands of commands."""
    verb, *more = words or [""]
    command = group.commands.get(verb) if verb else group
    return said(command, more) if command and more and hasattr(command, "commands") else command


@pytest.mark.parametrize("snippet", SNIPPETS, ids=str)
def test_every_snippet_is_kept_true(snippet: Fence) -> None:
    rule, _, path = snippet.rule.partition(" ")
    if rule == "run":
        code = "\n" * snippet.line + snippet.text  # So that a traceback names the line in the document.
        exec(compile(code, snippet.document, "exec", dont_inherit=True), {"__name__": "snippet"})
    else:
        assert rule == "from", f"{snippet} says neither `run` nor `from` a file"
        code = (ROOT / path).read_text()
        widths = {len(line) - len(line.lstrip()) for line in code.splitlines()}
        shapes = [indent(dedent(snippet.text), " " * width) for width in widths]
        assert any(shape in code for shape in shapes), f"{snippet} does not stand like this in {path}"


def test_every_path_that_a_document_names_exists() -> None:
    named = {(d, span) for d in DOCUMENTS for span in SPAN.findall(prose(d)) if re.fullmatch(r"[\w./*-]+", span)}
    ours = {(d, span) for d, span in named if span.partition("/")[0] in {*ROOMS, "docs"} and "/" in span}
    assert [f"{d} names {path}" for d, path in sorted(ours) if not any(ROOT.glob(path.rstrip("/")))] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_somewhere(document: str) -> None:
    for target in LINK.findall(prose(document)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (ROOT / document).parent / path if path else ROOT / document
        assert found.exists(), f"{document} links to {target}"
        if anchor:
            assert anchor in anchors(found), f"{document} links to {target}"


def anchors(document: Path) -> set[str]:
    """The names that headings get when a page is shown."""
    headings = HEADING.findall(FENCE.sub("", document.read_text()))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_decisions_are_numbered_without_gaps() -> None:
    assert [name[:5] for name in DECISIONS] == [f"{number:04}-" for number in range(len(DECISIONS))]


@pytest.mark.parametrize("name", DECISIONS)
def test_a_decision_says_why_what_and_at_what_price(name: str) -> None:
    text = DOCUMENTS[f"docs/decisions/{name}"]
    assert text.startswith(f"# {name[:4]} ")
    assert [line for line in text.splitlines() if line.startswith("## ")] == [*SECTIONS]


def test_the_locks_agree_with_what_is_asked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    everything = dict(PIN.findall((ROOT / "requirements.lock").read_text()))
    to_run = dict(PIN.findall((ROOT / "requirements-run.lock").read_text()))
    extras = project["optional-dependencies"]
    asked = [Requirement(line) for line in (*project["dependencies"], *extras["dev"], *extras["build"])]
    assert [str(r) for r in asked if not r.specifier.contains(everything.get(r.name, "0"))] == []
    assert to_run.items() <= everything.items()
    assert {Requirement(line).name for line in project["dependencies"]} <= to_run.keys()


def test_what_ci_runs_is_what_everybody_runs() -> None:
    lines = (ROOT / ".ci/run").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")][-1] == "make test"
