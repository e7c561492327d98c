"""What the tests of the chat share: a house of its own, and a browser's side of the protocol without a browser."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
from websockets.asyncio.client import ClientConnection, connect

HOUSE: Final = Path(__file__).parent / "chat_house.py"
START_S_MAX: Final = 30.0
WAIT_S: Final = 20.0


@dataclass
class House:
    log: Path
    port: int
    process: "subprocess.Popen[bytes]"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.port}"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(WAIT_S)

    def facts(self, type: str) -> list[dict[str, Any]]:
        found = httpx.get(f"{self.url}/facts", timeout=WAIT_S, trust_env=False).json()
        return [json.loads(one["data"]) for one in found if one["type"] == type]

    def tell(self, type: str, key: str, **said: Any) -> None:
        body = {"at": datetime.now(UTC).isoformat()} | said
        url = f"{self.url}/facts/{type}/{key}"
        assert httpx.post(url, json=body, timeout=WAIT_S, trust_env=False).status_code == 200

    def answer(self, contact: dict[str, Any], text: str, name: str) -> None:
        """As an agent's words stand on the log."""
        who = {key: contact[key] for key in ("contact_id", "address_id", "address")}
        said = {"agent_id": "a-1", "channel": "chat", "message_id": name, "text": text}
        self.tell("contact.answered", name, **who, **said)


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


@contextmanager
def chat_house(log: Path, port: int = 0, opening: str = "") -> Iterator[House]:
    port = port or free_port()
    command = [sys.executable, str(HOUSE), str(log), str(port), opening]
    with log.with_suffix(".err").open("ab") as errors:
        house = House(log, port, subprocess.Popen(command, stdout=errors, stderr=errors))
    try:
        until = time.monotonic() + START_S_MAX
        while True:
            assert house.process.poll() is None, log.with_suffix(".err").read_text()
            assert time.monotonic() < until, "it did not start"
            try:
                httpx.get(f"{house.url}/facts", timeout=WAIT_S, trust_env=False)
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                break
        yield house
    finally:
        house.process.kill()
        house.process.wait(WAIT_S)


@dataclass
class Tab:
    """A browser's tab, as the protocol sees it."""

    socket: ClientConnection
    welcome: dict[str, Any] = field(default_factory=dict)
    heard: list[dict[str, Any]] = field(default_factory=list)

    async def say(self, **frame: Any) -> None:
        await self.socket.send(json.dumps(frame))

    async def next(self, kind: str) -> Any:
        """The next frame of this kind. What came between stays in `heard`."""
        for n, frame in enumerate(self.heard):
            if kind in frame:
                return self.heard.pop(n)[kind]
        while True:
            frame = json.loads(await self.socket.recv())
            if kind in frame:
                return frame[kind]
            self.heard.append(frame)

    async def lines(self, count: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while len(found) < count:
            found += await self.next("lines")
        return found


@asynccontextmanager
async def tab(house: House, ticket: str = "", place: int = 0, **more: Any) -> AsyncIterator[Tab]:
    at = f"ws://127.0.0.1:{more.pop('port', house.port)}/chat/{more.pop('inbox', 'main')}/socket"
    async with connect(at, origin=more.pop("origin", house.origin), proxy=None) as opened:
        here = Tab(opened)
        await here.say(hello={"ticket": ticket, "place": place, "language": "nl"} | more)
        here.welcome = await here.next("welcome")
        yield here
