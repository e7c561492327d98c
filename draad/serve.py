"""`draad run`: opens the log, the parts that read it, and the doors; lets go of all of them on a signal."""

import asyncio
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from enum import Enum
from ipaddress import ip_network
from pathlib import Path
from typing import Final, Protocol

import structlog
import uvicorn

from channels.channel import Secrets
from channels.link import Links
from draad import topics
from draad.couriers import Run, couriers
from draad.health import Watch
from draad.keys import keys_of
from draad.mail import mail_at_work
from draad.many import cluster
from draad.neighbours import neighbours
from draad.parts import parts_of
from draad.rates import Rates
from draad.roads import Plan, open_roads, read_plan
from draad.settings import HOST, LOG, LOOPBACK, PORT, Settings
from draad.site import Site, channels_file, read_site
from draad.web import House, Surroundings, house
from draad.wire import Wire
from engine.blobs import open_blobs
from engine.engine import Engine, open_engine, utc_now
from engine.processor import Part
from schemas.errors import Refused
from services.desk.door import Door
from services.desk.entrance import BACK
from services.desk.login import Provider

BACKLOG: Final = 1_024
BEGIN_S_MAX: Final = 10.0  # The address is said when the page has something to show.
GRACE_S_MAX: Final = 5  # What is being answered may be finished; then the door closes.
SOCKET_BYTES_MAX: Final = 65_536  # Of one message over a WebSocket.
PING_S: Final = 20.0  # How often a WebSocket is asked whether anybody is there, and how long an answer may take.
UNREAD_MS_MAX: Final = 20_000  # The other end takes nothing for so long: the system lets the connection go.

Say = Callable[[str], None]  # To the user.

log = structlog.get_logger("draad")


class Role(Enum):
    """What this process does. On one machine it does all of it."""

    ALL = "all"
    DESK = "desk"  # The API and the pages.
    WORK = "work"  # The parts that read the log; its door only tells how it is.


class Around(Surroundings, Protocol):
    """What stands around a Draad that is only played with: it brings its own channels, and then comes to life."""

    def plan(self, address: str) -> tuple[Plan, Site]:
        """Its channels and its site, for a Draad that is found at this address."""

    def lives(self, address: str, token: str, door: Door) -> AbstractAsyncContextManager[None]:
        """From when Draad answers until it stops."""


class Server(uvicorn.Server):
    """Leaves signals to us: streams and parts have to end as well."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(settings: Settings, say: Say, role: Role = Role.ALL, around: Around | None = None) -> None:
    """Run until SIGTERM or SIGINT. Raises `Refused` where it cannot start, with what to do."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with listening(settings) as door:
        settings = settings.model_copy(update={"port": door.getsockname()[1]})
        await topics.require(settings)
        plan, site = around.plan(settings.address) if around else configured(settings)
        async with AsyncExitStack() as opened:
            engine = await opened.enter_async_context(open_engine(settings.log, cluster=cluster(settings)))
            token = settings.token.get_secret_value() if settings.token else secrets.token_urlsafe(32)
            keys = keys_of(settings, facts=any((await engine.ends()).values()))
            redis = settings.redis.get_secret_value() if settings.redis else None
            rates = await opened.enter_async_context(Rates(keys.rates, redis, registry=engine.meter.registry))
            blobs = await opened.enter_async_context(open_blobs(settings.log, cluster(settings)))
            roads = await opened.enter_async_context(open_roads(plan, Secrets(keys.addresses, keys.tokens)))
            parts = () if role is Role.DESK else parts_of(site)
            links = Links(keys.links, plan.public_url)
            watch = Watch(engine, [part.name for part in parts], folder_of(settings))
            rooms = house(
                engine,
                keys,
                token,
                watch,
                utc_now,
                rates=rates,
                front=role is not Role.WORK,
                roads=roads,
                blobs=blobs,
                accounts=accounts_of(settings),
                site=site,
                source=settings.source,
                scraper=settings.scraper,
                around=around,
            )
            more = () if role is Role.DESK else couriers(engine, roads, blobs, utc_now, site, keys, settings, links)
            await opened.enter_async_context(at_work(engine, parts, more, rooms, watch))
            await opened.enter_async_context(neighbours(redis, settings.prefix, rooms.presence))
            if role is not Role.DESK:
                watch.roads = roads.still(await opened.enter_async_context(mail_at_work(engine, blobs, roads, utc_now)))
            await opened.enter_async_context(serving(rooms, door, settings.trusted_proxies))
            await begun(rooms)
            greet(settings, rooms, token, say)
            if around:
                await opened.enter_async_context(around.lives(settings.address, token, rooms.door))
            await stop.wait()
            say("Draad stops: it finishes what it was doing.")
            rooms.news.close()
    log.info("draad.stopped")


def configured(settings: Settings) -> tuple[Plan, Site]:
    """What the files of settings say. Raises `Misconfigured`."""
    return read_plan(channels_file(settings), os.environ), read_site(settings.site, os.environ)


async def begun(rooms: House) -> None:
    """Wait until the pages have something to show."""
    if rooms.front:
        with suppress(TimeoutError):  # Then the page says itself that it is not there yet.
            async with asyncio.timeout(BEGIN_S_MAX):
                await rooms.news.begun.wait()


@asynccontextmanager
async def at_work(
    engine: Engine, parts: Sequence[Part], beside: Sequence[Run], rooms: House, watch: Watch
) -> AsyncIterator[None]:
    """The parts, the couriers and the news run, and end after what is at hand. If one of them breaks, so does all."""
    async with asyncio.TaskGroup() as group:
        group.create_task(engine.run(*parts))
        for run in beside:
            group.create_task(run())
        group.create_task(rooms.gate.run())
        if rooms.front:
            group.create_task(rooms.news.run())
        if rooms.chats:
            group.create_task(rooms.chats.run())
        watching = group.create_task(watch.run())
        try:
            yield
        finally:
            watching.cancel()
            rooms.gate.close()
            rooms.news.close()
            if rooms.chats:
                rooms.chats.close()
            engine.stop()


@asynccontextmanager
async def serving(rooms: House, door: socket.socket, proxies: str) -> AsyncIterator[None]:
    """What a request says of its sender (X-Forwarded-For, X-Forwarded-Proto) is believed of these proxies alone."""
    server = Server(
        uvicorn.Config(
            rooms.app,
            http=Wire,
            ws="websockets-sansio",
            ws_max_size=SOCKET_BYTES_MAX,
            ws_ping_interval=PING_S,
            ws_ping_timeout=PING_S,
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=seen(proxies),
            timeout_graceful_shutdown=GRACE_S_MAX,
        )
    )
    task = asyncio.create_task(server.serve(sockets=[door]))
    try:
        yield
    finally:
        server.should_exit = True
        await task


def seen(proxies: str) -> list[str]:
    """These as connections show them: over a socket of IPv6, one of IPv4 has another name."""
    named = [ip_network(each) for each in proxies.split(",") if each]
    mapped = [f"::ffff:{each.network_address}/{96 + each.prefixlen}" for each in named if each.version == 4]  # noqa: PLR2004
    return [*map(str, named), *mapped]


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


def greet(settings: Settings, rooms: House, token: str, say: Say) -> None:
    """Where it is, and how to come in. The secrets are said to whoever started it, and written in no log."""
    if not rooms.front:
        say(f"Draad works, and tells how it is at {settings.address}/health/ready")
        log.info("draad.started", port=settings.port)
        return
    say(f"Draad runs at {settings.address}/")
    say(f"Open the desk, once, with {settings.desk}/open/{rooms.door.link()}")
    told = {"log": (settings.log, LOG), "host": (settings.host, HOST), "port": (str(settings.port), str(PORT))}
    besides = [
        f" --{name} {here}"
        for name, (here, usual) in told.items()
        if here != os.environ.get(f"DRAAD_{name.upper()}", usual)
    ]
    say(f"Another time, `draad link{''.join(besides)}` gives another link.")
    if settings.token is None:
        say(f"The API takes this token until Draad stops (DRAAD_TOKEN sets your own): {token}")
    if settings.host not in LOOPBACK:
        say("Others can reach this address: put a proxy with TLS in front, for Draad itself speaks plain HTTP.")
    log.info("draad.started", port=settings.port)


def accounts_of(settings: Settings) -> Provider | None:
    """Where colleagues have their accounts, if that is set. Raises `Misconfigured`."""
    if settings.oidc_issuer is None or settings.oidc_client_id is None:
        return None
    return Provider(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=settings.client_secret,
        back=f"{settings.desk}{BACK}",
        role_claim=settings.oidc_role_claim,
        agent=settings.oidc_agent,
        lead=settings.oidc_team_lead,
    )


def folder_of(settings: Settings) -> Path | None:
    return Path(settings.path).absolute().parent if settings.path else None
