"""The rules of the house, as checkers: each takes one file and yields what is wrong with it, with its line.

They read the code with `ast` and import none of it. `test_tidy.py` runs them, and breaks each on purpose.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Final

ROOT: Final = Path(__file__).parent.parent
FILE_LINES_MAX: Final = 400
FUNCTION_LINES_MAX: Final = 50

# What is made here, and not written: it is not in the repository either.
PRUNED: Final = frozenset({"__pycache__", "build", "dist", "var", "draad.egg-info"})
SEEN_THOUGH_HIDDEN: Final = frozenset({".ci"})

ROOMS: Final = ("schemas", "engine", "channels", "services", "infra", "simulation", "draad", "tests", "bench")
# A layer imports only what stands below it. `{self}` is one service: it never imports a sibling.
SHELVES: Final[Mapping[str, tuple[str, ...]]] = {
    "schemas": ("schemas",),
    "engine": ("engine", "schemas.event", "schemas.timer", "schemas.errors"),
    "channels": ("channels", "schemas"),
    "services": ("{self}", "schemas", "engine", "channels"),
    "infra": ("infra", "schemas", "engine"),
    "simulation": ("simulation", "schemas", "channels", "services"),
    "draad": ("draad", "schemas", "engine", "channels", "services", "infra", "simulation", "bench"),
    "tests": ROOMS,
    "bench": ROOMS,
}
# Where a layer's own libraries are counted too. The others may take what `pyproject.toml` has.
LIBRARIES: Final[Mapping[str, frozenset[str]]] = {
    "schemas": frozenset({"pydantic"}),
    "engine": frozenset(
        {
            "aiokafka",
            "alembic",
            "asyncpg",
            "msgspec",
            "prometheus_client",
            "pydantic",
            "redis",
            "sqlalchemy",
            "structlog",
            "yaml",
        }
    ),
}

# Files that must stay pure without saying so themselves; all of schemas/ beside.
PURE: Final = frozenset({"engine/processor.py", "engine/work.py"})
WRITES_FILES: Final = "schemas/generate.py"  # Run by hand, imported by nobody.
# The last describes a table. Holidays and plans of numbers say the same as long as their locks are not moved.
PURE_LIBRARIES: Final = frozenset({"holidays", "msgspec", "phonenumbers", "pydantic", "sqlalchemy"})
WORLD: Final = frozenset(
    """
    asyncio builtins concurrent ctypes fcntl getpass glob http importlib io locale logging mmap
    multiprocessing os platform random sched secrets select selectors shutil signal smtplib socket
    socketserver sqlite3 ssl subprocess tempfile threading time urllib.request
    """.split()  # noqa: SIM905  # A list of words reads better without its quotes.
)
CLOCKS_AND_DICE: Final = frozenset(
    """
    now utcnow today current_timestamp monotonic perf_counter uuid1 uuid4 uuid6 uuid7 getnode urandom
    """.split()  # noqa: SIM905  # As above.
)
# `hash` and `id` differ from one process to the next.
TOUCHES: Final = frozenset({"open", "print", "input", "eval", "exec", "breakpoint", "hash", "id"})
SETS: Final = frozenset({"set", "frozenset", "Set", "FrozenSet", "AbstractSet", "MutableSet"})
NO_MODEL: Final = frozenset({"NamedTuple", "Protocol", "Exception", "ValueError"})  # Never written as JSON.

# A name that fits everything keeps nothing out.
NAMELESS: Final = frozenset({"common", "core", "utils", "shared"})
# Written in two halves, so that this file does not break its own rule.
REGISTRIES: Final = tuple(
    ".".join(halves)
    for halves in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("crates", "io"),
        ("rubygems", "org"),
        ("proxy.golang", "org"),
        ("repo1.maven", "org"),
        ("repo.maven.apache", "org"),
    )
)
MACHINE: Final = re.compile(r"(?<![\w.~-])/(?:" + "work" + "|" + "root" + r")/")


@dataclass(frozen=True)
class Source:
    """One Python file: where it stands, and what it says."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @property
    def room(self) -> str:
        return PurePosixPath(self.path).parts[0]

    @cached_property
    def imports(self) -> list[tuple[int, str, str]]:
        """Line, dotted name and local name of everything imported, relative and dynamic imports too."""
        return [found for node in self.nodes for found in imported(self.path, node)]

    @cached_property
    def names(self) -> dict[str, str]:
        """What each imported name really is."""
        return {local: name for _, name, local in self.imports}

    @cached_property
    def aliases(self) -> dict[str, ast.expr]:
        """What is given a name at the top level."""
        return {
            target.id: statement.value
            for statement in self.tree.body
            if isinstance(statement, ast.Assign)
            for target in statement.targets
            if isinstance(target, ast.Name)
        }

    def real(self, node: ast.expr) -> str:
        """The full name behind `m.processor` or `p`, however it was imported."""
        if isinstance(node, ast.Attribute):
            return f"{self.real(node.value)}.{node.attr}"
        return self.names.get(node.id, node.id) if isinstance(node, ast.Name) else ""


Checker = Callable[[Source], Iterator[str]]


def imported(path: str, node: ast.AST) -> Iterator[tuple[int, str, str]]:
    match node:
        case ast.Import(names=names):
            for name in names:
                yield node.lineno, name.name, name.asname or ""
        case ast.ImportFrom(module=module, names=names, level=level):
            package = PurePosixPath(path).parent.parts
            base = package[: len(package) - level + 1] if level else ()
            for name in names:
                dotted = ".".join(filter(None, (*base, module, name.name)))
                yield node.lineno, dotted, name.asname or name.name
        case ast.Call(func=ast.Name(id=verb) | ast.Attribute(attr=verb), args=[ast.Constant(value=str(name)), *_]) if (
            verb in {"import_module", "__import__"}
        ):
            yield node.lineno, name, ""


def under(name: str, shelf: str) -> bool:
    return name == shelf or name.startswith(f"{shelf}.")


def layers(source: Source) -> Iterator[str]:
    """A layer imports only what stands below it, and its own libraries."""
    if source.room not in SHELVES:
        return
    own = ".".join(PurePosixPath(source.path).parts[:2]).removesuffix(".py")
    allowed = [shelf.format(self=own) for shelf in SHELVES[source.room]]
    for line, name, _ in source.imports:
        top = name.partition(".")[0]
        if top in ROOMS:
            fits = any(under(name, shelf) for shelf in allowed)
        else:
            libraries = LIBRARIES.get(source.room)
            fits = libraries is None or top in libraries or top in sys.stdlib_module_names
        if not fits:
            yield f"{source.path}:{line} may not import {name}"


def defines_a_part(source: Source) -> bool:
    """Whether it makes a processor or projection at its top level, under whatever name it imported that."""
    makers = {f"engine.processor.{maker}" for maker in ("processor", "projection", "register")}
    outside = [n for n in source.tree.body if not isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    calls = (node for statement in outside for node in ast.walk(statement) if isinstance(node, ast.Call))
    return any(source.real(call.func) in makers for call in calls)


def must_be_pure(source: Source) -> bool:
    if source.room in {"tests", "bench"} or source.path == WRITES_FILES:
        return False
    return source.room == "schemas" or source.path in PURE or defines_a_part(source)


def pure(source: Source) -> Iterator[str]:
    """No world, no clock, no dice: neither called, nor passed on, nor under another name."""
    for line, name, _ in source.imports:
        top, last = name.partition(".")[0], name.rpartition(".")[2]
        foreign = top not in sys.stdlib_module_names and top not in ROOMS and top not in PURE_LIBRARIES
        if foreign or any(under(name, module) for module in WORLD):
            yield f"{source.path}:{line} is pure and may not import {name}"
        if last in CLOCKS_AND_DICE or last == "*":
            yield f"{source.path}:{line} is pure and may not import {name}: time and ids come from events"
    for node in source.nodes:
        match node:
            case ast.Attribute(attr=attr) if attr in CLOCKS_AND_DICE:
                yield f"{source.path}:{node.lineno} is pure and may not take .{attr}: time arrives in events"
            case ast.Call(func=ast.Name(id="getattr"), args=[_, ast.Constant(value=str(attr)), *_]) if (
                attr in CLOCKS_AND_DICE
            ):
                yield f"{source.path}:{node.lineno} is pure and may not take .{attr}: time arrives in events"
            case ast.Call(func=ast.Name(id=name)) if name in TOUCHES:
                yield f"{source.path}:{node.lineno} is pure and may not call {name}()"


def no_sets_kept(source: Source) -> Iterator[str]:
    """A set is written in another order tomorrow: what is kept or sent holds tuples."""
    for model in (n for n in source.nodes if isinstance(n, ast.ClassDef) and n.bases):
        if any(source.real(base).rpartition(".")[2] in NO_MODEL for base in model.bases):
            continue
        for field in (f for f in model.body if isinstance(f, ast.AnnAssign)):
            if "ClassVar" not in ast.dump(field.annotation) and holds_set(source, field.annotation):
                yield f"{source.path}:{field.lineno} keeps a set in {model.name}: use a tuple"


def holds_set(source: Source, annotation: ast.expr) -> bool:
    """Whether a set is named in it, also by another name, in quotes or behind an alias of this file."""
    for node in ast.walk(annotation):
        match node:
            case ast.Name(id=alias) if alias in source.aliases:
                found = holds_set(source, source.aliases[alias])
            case ast.Name() | ast.Attribute():
                found = source.real(node).rpartition(".")[2] in SETS
            case ast.Constant(value=str(quoted)):
                found = any(re.search(rf"\b{word}\[", quoted) for word in SETS)
            case _:
                found = False
        if found:
            return True
    return False


def small(source: Source) -> Iterator[str]:
    """A file is one concept; a function fits on a screen."""
    if len(source.text.splitlines()) > FILE_LINES_MAX:
        yield f"{source.path} has more than {FILE_LINES_MAX} lines"
    for node in source.nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES_MAX:
                yield f"{source.path}:{node.lineno} {node.name} has {length} lines"


def hears_failures(source: Source) -> Iterator[str]:
    """No failure is swallowed unread."""
    for node in (n for n in source.nodes if isinstance(n, ast.ExceptHandler | ast.Call)):
        words = set[str]()
        match node:
            case ast.ExceptHandler(type=None):
                words = {"BaseException"}
            case ast.ExceptHandler(
                type=ast.expr() as caught, body=[ast.Pass() | ast.Continue() | ast.Expr(ast.Constant())]
            ):
                words = {n.id for n in ast.walk(caught) if isinstance(n, ast.Name)}
            case ast.Call(args=args) if source.real(node.func) == "contextlib.suppress":
                words = {n.id for n in args if isinstance(n, ast.Name)}
        if words & {"Exception", "BaseException"}:
            yield f"{source.path}:{node.lineno} swallows every failure"


def named(path: str) -> Iterator[str]:
    """A folder or module has a name that keeps something out."""
    for part in PurePosixPath(path).with_suffix("").parts:
        if part in NAMELESS:
            yield f"{path} stands under the name {part}, which fits everything"


def at_home(path: str, text: str) -> Iterator[str]:
    """No file names the host of a package registry, nor a path of the machine it was written on."""
    for number, line in enumerate(text.splitlines(), start=1):
        for host in REGISTRIES:
            if host in line.lower():
                yield f"{path}:{number} names a package registry"
        if MACHINE.search(line):
            yield f"{path}:{number} names a path of one machine"


def files() -> Iterator[tuple[str, Path]]:
    """Every file of the house. No git is asked, for a fresh machine may have none."""
    folders = [ROOT]
    while folders:
        for path in folders.pop().iterdir():
            hidden = path.name.startswith(".") and path.name not in SEEN_THOUGH_HIDDEN
            if path.is_dir() and not hidden and path.name not in PRUNED:
                folders.append(path)
            elif path.is_file() and path.name != ".git":
                yield path.relative_to(ROOT).as_posix(), path


def house() -> dict[str, Source]:
    return {name: Source(name, path.read_text()) for name, path in files() if name.endswith(".py")}


def pure_files(sources: Mapping[str, Source]) -> Iterator[Source]:
    """The files that must be pure, and all of ours that they import: what they lean on must be too."""
    waiting = [source for source in sources.values() if must_be_pure(source)]
    seen = set[str]()
    while waiting:
        source = waiting.pop()
        if source.path in seen:
            continue
        seen.add(source.path)
        yield source
        for _, name, _ in source.imports:
            for dotted in (name, name.rpartition(".")[0]):
                stem = dotted.replace(".", "/")
                waiting.extend(sources[p] for p in (f"{stem}.py", f"{stem}/__init__.py") if p in sources)
