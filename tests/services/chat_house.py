"""A chat by itself, as a process that a test can kill: the endpoint, its view, a page with it, a way to answer.

python tests/services/chat_house.py <log> <port> <opening hours, or nothing>
"""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))

import uvicorn  # noqa: E402  # The house is found first.
from fastapi import FastAPI, Request  # noqa: E402
from starlette.responses import HTMLResponse  # noqa: E402

from channels.channel import Secrets  # noqa: E402
from channels.chat import Inbox, open_channel  # noqa: E402
from channels.routers import join  # noqa: E402
from draad.manners import remote  # noqa: E402
from draad.rates import Rates  # noqa: E402
from engine.engine import Engine, open_engine  # noqa: E402
from schemas.catalogue import CATALOGUE  # noqa: E402
from schemas.event import fact  # noqa: E402
from services.intake.chat import Chats  # noqa: E402
from services.intake.lines import lines  # noqa: E402

# As strict as a page can be that lets us in: no inline script or style, and nothing from elsewhere but us.
POLICY = "default-src 'none'; script-src {at}; connect-src {at} {socket}; style-src 'self'; base-uri 'none'"
PAGE = """<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>Gemeente</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<script src="{at}/chat/widget.js" data-inbox="main" defer></script></head>
<body><main><h1>Gemeente</h1><p>Een pagina van de gemeente.</p></main></body></html>"""


def app(engine: Engine, chats: Chats) -> FastAPI:
    house = FastAPI()
    join(house.router, chats.router())

    @house.get("/page/{lang}/{port}")
    async def page(lang: str, port: int) -> HTMLResponse:
        at, socket = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"
        policy = {"Content-Security-Policy": POLICY.format(at=at, socket=socket)}
        return HTMLResponse(PAGE.format(lang=lang, at=at), headers=policy)

    @house.post("/facts/{type}/{key}")
    async def tell(type: str, key: str, request: Request) -> None:
        await engine.append(fact(CATALOGUE[type].model_validate_json(await request.body()), key=key))

    @house.get("/facts")
    async def facts() -> list[dict[str, str]]:
        found = []
        for partition in await engine.partitions():
            found += [{"type": one.type, "data": one.data} for one in await engine.read(0, 1_000, partition)]
        return found

    return house


async def main(log: str, port: int, opening: str) -> None:
    secrets = Secrets(pepper=b"pepper", tokens=b"tokens")
    origins = ("http://localhost:" + str(port), "http://gemeente.example")
    inbox = Inbox(origins=origins, opening=(opening,) if opening else (), holidays=False)
    async with open_engine(f"sqlite:///{log}") as engine, asyncio.TaskGroup() as group:
        chat = open_channel({"main": inbox}, secrets, f"http://127.0.0.1:{port}")
        chats = Chats(engine, chat, Rates(), lambda: datetime.now(UTC), remote)
        group.create_task(engine.run(lines))
        group.create_task(chats.run())
        config = uvicorn.Config(
            app(engine, chats), port=port, ws="websockets-sansio", ws_max_size=65_536, log_level="warning"
        )
        await uvicorn.Server(config).serve()
        chats.close()
        engine.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
