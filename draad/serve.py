"""`draad run`: opens the log, the parts that read it, and the doors; lets go of all of them on a signal."""

import asyncio
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final

import structlog
import uvicorn

from draad.health import Watch
from draad.keys import keys_of
from draad.parts import PARTS
from draad.settings import LOOPBACK, Settings
from draad.web import House, house
from draad.wire import Wire
from engine.engine import Engine, open_engine, utc_now
from schemas.errors import Refused

BACKLOG: Final = 1_024
BEGIN_S_MAX: Final = 10.0  # The address is said when the page has something to show.
GRACE_S_MAX: Final = 5  # What is being answered may be finished; then the door closes.
UNREAD_MS_MAX: Final = 20_000  # The other end takes nothing for so long: the system lets the connection go.

log = structlog.get_logger("draad")


class Server(uvicorn.Server):
    """Leaves signals to us: streams and parts have to end as well."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(settings: Settings, say: Callable[[str], None]) -> None:
    """Run until SIGTERM or SIGINT. Raises `Refused` where it cannot start, with what to do."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with listening(settings) as door:
        settings = settings.model_copy(update={"port": door.getsockname()[1]})
        async with open_engine(settings.log) as engine:
            token = settings.token.get_secret_value() if settings.token else secrets.token_urlsafe(32)
            keys = keys_of(settings, facts=bool(await engine.read(limit=1)))
            watch = Watch(engine, [part.name for part in PARTS], folder_of(settings))
            rooms = house(engine, keys, token, watch, utc_now)
            async with at_work(engine, rooms, watch), serving(rooms, door):
                with suppress(TimeoutError):  # Then the page says itself that it is not there yet.
                    await asyncio.wait_for(rooms.feed.begun.wait(), BEGIN_S_MAX)
                greet(settings, rooms, token, say)
                await stop.wait()
                say("Draad stops: it finishes what it was doing.")
                rooms.feed.close()
    log.info("draad.stopped")


@asynccontextmanager
async def at_work(engine: Engine, rooms: House, watch: Watch) -> AsyncIterator[None]:
    """The parts and the feed run, and end after the batch at hand. If one of them breaks, so does all of it."""
    async with asyncio.TaskGroup() as group:
        group.create_task(engine.run(*PARTS))
        group.create_task(rooms.feed.run())
        watching = group.create_task(watch.run())
        try:
            yield
        finally:
            watching.cancel()
            rooms.feed.close()
            engine.stop()


@asynccontextmanager
async def serving(rooms: House, door: socket.socket) -> AsyncIterator[None]:
    server = Server(
        uvicorn.Config(
            rooms.app,
            http=Wire,
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_S_MAX,
        )
    )
    task = asyncio.create_task(server.serve(sockets=[door]))
    try:
        yield
    finally:
        server.should_exit = True
        await task


@contextmanager
def listening(settings: Settings) -> Iterator[socket.socket]:
    """The door, before anything else is opened: the first thing that somebody gets wrong is the port."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        door = socket.socket(family, kind, protocol)
    except OSError:
        raise Refused("the host in DRAAD_HOST or --host is not one of this machine") from None
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            door.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MS_MAX)
        try:
            door.bind(address)
            door.listen(BACKLOG)
        except OSError as error:
            raise Refused(
                f"cannot listen at port {settings.port} of {settings.host} ({error.strerror}): "
                "stop what is there, or choose another with --port"
            ) from None
        yield door
    finally:
        door.close()


def greet(settings: Settings, rooms: House, token: str, say: Callable[[str], None]) -> None:
    """Where it is, and how to come in. The secrets are said to whoever started it, and written in no log."""
    say(f"Draad runs at {settings.address}/")
    say(f"Open the desk, once, with {settings.address}/open/{rooms.door.link()}")
    say("Another time, `draad link` gives another link.")
    if settings.token is None:
        say(f"The API takes this token until Draad stops (DRAAD_TOKEN sets your own): {token}")
    if settings.host not in LOOPBACK:
        say("Others can reach this address: put a proxy with TLS in front, for Draad itself speaks plain HTTP.")
    log.info("draad.started", port=settings.port)


def folder_of(settings: Settings) -> Path | None:
    return Path(settings.path).absolute().parent if settings.path else None
