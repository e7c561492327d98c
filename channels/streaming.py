"""Server-sent events to one listener, until somebody lets go. Who does not read in time is dropped, and comes back."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

PULSE_S: Final = 10.0  # So often it says that it is still there.
SEND_S_MAX: Final = 10.0  # A listener that takes nothing for so long is dropped.
STREAM_S_MAX: Final = 900.0  # Then it must ask again, so that an ended session or token ends here too.
AGAIN_MS: Final = 2_000
ABORT: Final = "draad.abort"  # How the server lets go of a connection whose other end does not read.

log = structlog.get_logger("stream")


class Stream(Response):
    """What there is to tell, `chunks` says."""

    media_type = "text/event-stream"

    def __init__(self) -> None:
        super().__init__()
        del self.headers["content-length"]

    def chunks(self, gone: asyncio.Future[None]) -> AsyncIterator[str]:
        """All that is told, in order. `gone` is done once nobody listens any more."""
        raise NotImplementedError

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.ensure_future(disconnected(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async for chunk in self.chunks(gone):
                async with asyncio.timeout(SEND_S_MAX):
                    await send({"type": "http.response.body", "body": chunk.encode(), "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            log.info("stream.dropped")
            if abort := scope.get("extensions", {}).get(ABORT):
                abort["now"]()
        finally:
            gone.cancel()


async def disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
