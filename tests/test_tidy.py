"""The house keeps its own rules; and each rule, broken on purpose, is seen to be broken."""

from collections.abc import Iterable

import pytest

from tests.tidy import (
    FILE_LINES_MAX,
    FUNCTION_LINES_MAX,
    REGISTRIES,
    Checker,
    Source,
    at_home,
    files,
    hears_failures,
    house,
    layers,
    named,
    no_sets_kept,
    pure,
    pure_files,
    small,
)

PROCESSOR = "from engine.processor import processor\nremind = processor('notify.reminder', step)\n"


def wrongs(check: Checker, sources: Iterable[Source]) -> list[str]:
    return [wrong for source in sources for wrong in check(source)]


@pytest.mark.parametrize("check", [layers, small, hears_failures])
def test_every_file_keeps_the_rules(check: Checker) -> None:
    assert wrongs(check, house().values()) == []


@pytest.mark.parametrize("check", [pure, no_sets_kept])
def test_every_pure_file_is_pure(check: Checker) -> None:
    assert wrongs(check, pure_files(house())) == []


def test_every_name_keeps_something_out() -> None:
    assert [wrong for name, _ in files() for wrong in named(name)] == []


def test_no_file_tells_where_it_was_written() -> None:
    texts = {name: path.read_bytes() for name, path in files()}
    found = [at_home(name, data.decode()) for name, data in texts.items() if b"\0" not in data]
    assert [wrong for wrongs_of_one in found for wrong in wrongs_of_one] == []


def test_the_house_is_found() -> None:
    sources = house()
    assert {"schemas/event.py", "engine/processor.py", "tests/tidy.py"} <= sources.keys()
    assert {"schemas/event.py", "engine/processor.py"} <= {source.path for source in pure_files(sources)}


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("schemas/case.py", "from engine.processor import processor"),
        ("schemas/case.py", "import sqlalchemy"),
        ("schemas/deep/case.py", "from ...engine import store"),
        ("engine/work.py", "from schemas import contact"),
        ("engine/work.py", "from schemas import CATALOGUE"),
        ("engine/work.py", "import schemas"),
        ("engine/work.py", "import schemas.case as s"),
        ("engine/work.py", "import fastapi"),
        ("engine/work.py", "if TYPE_CHECKING:\n    from services.intake import api"),
        ("engine/work.py", "def later():\n    import draad"),
        ("engine/work.py", "importlib.import_module('services.intake.api')"),
        ("engine/work.py", "__import__('services')"),
        ("channels/sms.py", "from engine.engine import Engine"),
        ("services/intake/api.py", "from services.notify.reminder import reminder"),
        ("services/intake/api.py", "from services import notify"),
        ("services/intake/api.py", "from ..notify import reminder"),
        ("services/intake/api.py", "from services.intakes import api"),
        ("services/intake/api.py", "from tests.tidy import layers"),
        ("draad/cli.py", "import tests"),
    ],
)
def test_an_import_from_above_or_beside_is_caught(path: str, line: str) -> None:
    assert wrongs(layers, [Source(path, line)])


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("schemas/case.py", "from schemas.event import Event\nfrom . import event\nimport json, pydantic"),
        (
            "engine/work.py",
            "from schemas.event import Event\nfrom schemas import timer, errors\nimport alembic",
        ),
        ("services/intake/api.py", "import fastapi\nfrom services.intake import who\nfrom . import who"),
        ("services/intake/api.py", "from schemas import CATALOGUE\nfrom engine.engine import Engine"),
        ("draad/cli.py", "import services.intake.api, services.notify.courier, engine, schemas, bench"),
        ("bench/engine.py", "import draad, services.notify.courier"),
    ],
)
def test_an_import_from_below_is_welcome(path: str, line: str) -> None:
    assert wrongs(layers, [Source(path, line)]) == []


@pytest.mark.parametrize(
    "line",
    [
        "import asyncio",
        "import os.path as p",
        "from random import Random",
        "from sqlite3 import connect as c",
        "from concurrent.futures import Future",
        "import urllib.request",
        "from urllib import request",
        "import structlog",
        "import twilio.rest",
        "def later():\n    import time",
        "from uuid import uuid4",
        "from uuid import uuid4 as name",
        "from uuid import *",
        "import uuid as u\nu.uuid1()",
        "from datetime import datetime\ndatetime.now()",
        "from datetime import datetime as d\nclock = d.utcnow",
        "import datetime\ndatetime.date.today()",
        "from sqlalchemy import func\nfunc.now()",
        "getattr(datetime, 'now')()",
        "open('facts')",
        "print('fact')",
        "hash('fact')",
    ],
)
@pytest.mark.parametrize("path", ["schemas/case.py", "engine/processor.py", "engine/work.py", "services/a/b.py"])
def test_world_clock_and_dice_are_caught_in_a_pure_file(path: str, line: str) -> None:
    source = Source(path, PROCESSOR + line)
    assert wrongs(pure, pure_files({path: source}))


@pytest.mark.parametrize(
    "text",
    [
        "from engine.processor import processor\nX = processor('a', b)",
        "from engine.processor import projection as p\nX = p('a', b, c)",
        "from engine import processor as m\nX = m.processor('a', b)",
        "import engine.processor\nX: object = engine.processor.projection('a', b, c)",
        "from engine.processor import processor\nPARTS = (processor('a', b), processor('c', d))",
        "from engine.processor import register\nX = register('a', b, c)",
    ],
)
def test_a_file_that_defines_a_part_is_pure_under_any_name(text: str) -> None:
    assert wrongs(pure, pure_files({"services/a/b.py": Source("services/a/b.py", f"import time\n{text}")}))


def test_what_a_pure_file_leans_on_is_held_to_the_same() -> None:
    sources = {
        "services/a/b.py": Source("services/a/b.py", "from services.a.hours import opening\n" + PROCESSOR),
        "services/a/hours.py": Source("services/a/hours.py", "from services.a import zone"),
        "services/a/zone.py": Source("services/a/zone.py", "import time"),
        "services/a/api.py": Source("services/a/api.py", "import time"),
    }
    assert wrongs(pure, pure_files(sources)) == ["services/a/zone.py:1 is pure and may not import time"]


@pytest.mark.parametrize("path", ["schemas/generate.py", "tests/engine/test_x.py", "bench/x.py"])
def test_whoever_runs_by_hand_may_touch_the_world(path: str) -> None:
    assert list(pure_files({path: Source(path, PROCESSOR + "import time")})) == []


@pytest.mark.parametrize(
    "text",
    [
        "class Told(BaseModel):\n    names: set[str] = set()",
        "class Told(BaseModel):\n    names: frozenset[str] | None = None",
        "class Told(BaseModel):\n    names: 'dict[str, frozenset[str]]'",
        "import typing as t\nclass Told(BaseModel):\n    names: t.AbstractSet[str]",
        "from collections.abc import Set as Several\nclass Told(BaseModel):\n    names: Several[str]",
        "Names = frozenset[str]\nclass Told(BaseModel):\n    names: tuple[Names, ...]",
        "class Told(Kept):\n    names: Annotated[set[str], NONE]",
    ],
)
def test_a_set_in_what_is_kept_is_caught(text: str) -> None:
    assert wrongs(no_sets_kept, [Source("services/a/b.py", text)])


def test_tuples_are_kept_and_a_look_may_hold_a_set() -> None:
    kept = (
        "class Told(BaseModel):\n"
        "    known: ClassVar[frozenset[str]] = frozenset()\n"
        "    how: Literal['set', 'cleared']\n"
        "    names: Annotated[tuple[str, ...], Pattern('[a-z]')] = ()"
    )
    look = "class Pull(NamedTuple):\n    parked: set[str]"
    assert wrongs(no_sets_kept, [Source("services/a/b.py", kept), Source("engine/store.py", look)]) == []


def test_a_file_or_function_one_line_too_long_is_caught() -> None:
    body = "    x = 1\n"
    fits = "def f():\n" + body * (FUNCTION_LINES_MAX - 1)
    assert wrongs(small, [Source("engine/a.py", fits), Source("engine/b.py", "x = 1\n" * FILE_LINES_MAX)]) == []
    assert wrongs(small, [Source("engine/a.py", fits + body)])
    assert wrongs(small, [Source("engine/a.py", "class A:\n async " + (fits + body).replace("    ", "  "))])
    assert wrongs(small, [Source("engine/b.py", "x = 1\n" * (FILE_LINES_MAX + 1))])


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    f()\nexcept:\n    g()",
        "try:\n    f()\nexcept Exception:\n    pass",
        "try:\n    f()\nexcept (ValueError, BaseException) as error:\n    ...",
        "for x in y:\n    try:\n        f()\n    except Exception:\n        continue",
        "from contextlib import suppress as quiet\nwith quiet(Exception):\n    f()",
    ],
)
def test_a_swallowed_failure_is_caught(text: str) -> None:
    assert wrongs(hears_failures, [Source("engine/a.py", text)])


def test_a_failure_that_is_named_or_answered_is_heard() -> None:
    text = "try:\n    f()\nexcept KeyError:\n    pass\nexcept Exception as error:\n    park(error)"
    assert wrongs(hears_failures, [Source("engine/a.py", text)]) == []


@pytest.mark.parametrize("path", ["engine/utils.py", "common/a.py", "services/core/api.py", "docs/shared/a.md"])
def test_a_name_that_fits_everything_is_caught(path: str) -> None:
    assert list(named(path))


@pytest.mark.parametrize("host", REGISTRIES)
def test_the_host_of_a_registry_is_caught(host: str) -> None:
    assert list(at_home("requirements.lock", f"--index-url https://{host.upper()}/simple"))


@pytest.mark.parametrize("folder", ["work", "root"])
def test_a_path_of_one_machine_is_caught(folder: str) -> None:
    assert list(at_home("README.md", f"see '/{folder}/main'"))
    assert list(at_home("README.md", f"/{folder}/main"))
    assert list(at_home("README.md", f"https://example.nl/{folder}/main and ../{folder}/")) == []
