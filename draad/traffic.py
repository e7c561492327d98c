"""What ops see of requests: how many, by route and by what came of them, and how long it took until the answer began.

Labels are templates of routes, never addresses: those may be long, many, and somebody's.
"""

from collections.abc import Collection
from time import perf_counter
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
OTHER: Final = "other"  # Of what nobody answers, whatever it is called.
SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0)
STREAM: Final = b"text/event-stream"


class Traffic:
    """Stands around all that answers."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry, doors: Collection[str] = ()) -> None:
        """`doors`: what addresses begin with that are met without a framework, and so have no template."""
        self._app, self._doors = app, tuple(doors)
        labels = ["method", "route", "status"]
        self._took = Histogram(
            "draad_http_seconds", "Until the answer begins", labels, buckets=SECONDS, registry=registry
        )
        self._counted: dict[tuple[str, str, int], Histogram] = {}  # To look one up by its labels takes longer.
        self._streams = Gauge("draad_streams_open", "Who listens to what is new", ["route"], registry=registry)
        self._sockets = Gauge("draad_sockets_open", "Visitors in the chat", registry=registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            with self._sockets.track_inprogress():
                await self._app(scope, receive, send)
        else:
            await self._met(scope, receive, send)

    async def _met(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, answered, stream = perf_counter(), False, False

        async def heard() -> Message:
            nonlocal began
            message = await receive()
            began = perf_counter()  # A body that comes slowly is not ours to hurry.
            return message

        async def counted(message: Message) -> None:
            nonlocal answered, stream
            if message["type"] == "http.response.start":
                answered = True
                stream = any(name == b"content-type" and kind.startswith(STREAM) for name, kind in message["headers"])
                self._count(scope, message["status"], perf_counter() - began)
                if stream:
                    self._streams.labels(self._route(scope)).inc()
            await send(message)

        try:
            await self._app(scope, heard, counted)
        except BaseException:
            if not answered:
                self._count(scope, 500, perf_counter() - began)
            raise
        finally:
            if stream:
                self._streams.labels(self._route(scope)).dec()

    def _count(self, scope: Scope, status: int, took_s: float) -> None:
        key = (scope["method"], self._route(scope), status // 100)
        counted = self._counted.get(key)
        if counted is None:
            method, route, hundreds = key
            counted = self._took.labels(method if method in METHODS else OTHER, route, f"{hundreds}xx")
            if method in METHODS:  # So that what is kept does not grow with what somebody makes up.
                self._counted[key] = counted
        counted.observe(took_s)

    def _route(self, scope: Scope) -> str:
        path = scope["path"]
        for door in self._doors:
            if path.startswith(door):
                return door
        return str(getattr(scope.get("route"), "path", OTHER))
