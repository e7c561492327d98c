"""The server's own limits, below the application: how long a request's head may be, and how slow."""

import json
from asyncio import Transport
from asyncio.events import TimerHandle
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from channels.streaming import ABORT
from draad.manners import API_VERSION

HEAD_BYTES_MAX: Final = 32_768
HEAD_S_MAX: Final = 10.0


class Wire(HttpToolsProtocol):
    """One connection. What is wrong before the application sees it is answered as a problem too."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # As its parent.
        super().connection_made(transport)
        self._head_bytes = 0
        self._headless: TimerHandle | None = None
        self._hurry()

    def connection_lost(self, exc: Exception | None) -> None:
        self._in_time()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self._refuse(431, "the head of the request is too long")

    def on_message_begin(self) -> None:
        self._hurry()
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: {"now": self.transport.abort}}

    def on_headers_complete(self) -> None:
        self._in_time()
        super().on_headers_complete()
        self._head_bytes = -(2**62)  # A body has limits of its own.

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._head_bytes = 0

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # Its words may quote the request.
        self._refuse(400, "this is not HTTP")

    def _refuse(self, status: int, detail: str) -> None:
        if self._busy():
            self.transport.abort()  # In the middle of another answer: there is no place for this one.
            return
        body = problem_bytes(status, detail)
        head = [
            STATUS_LINE[status],
            b"content-type: application/problem+json\r\n",
            b"api-version: " + API_VERSION.encode() + b"\r\n",
            b"connection: close\r\n",
            b"content-length: " + str(len(body)).encode() + b"\r\n\r\n",
        ]
        self.transport.write(b"".join((*head, body)))
        self.transport.close()

    def _busy(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None until the first head has come, whatever its parent says.
        return cycle is not None and not cycle.response_complete

    def _hurry(self) -> None:
        self._in_time()
        self._headless = self.loop.call_later(HEAD_S_MAX, self.transport.abort)

    def _in_time(self) -> None:
        if self._headless:
            self._headless.cancel()
            self._headless = None


def problem_bytes(status: int, detail: str) -> bytes:
    title = STATUS_LINE[status].decode().split(" ", 2)[2].strip()
    told: dict[str, Any] = {"status": status, "title": title, "detail": detail}
    return json.dumps(told).encode()
