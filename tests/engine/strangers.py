"""Who may answer at an address where Kafka is expected: an old Kafka, another program, somebody who says nothing."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

# What a broker says it can do, from which version on to which: Produce, Fetch, Metadata, ApiVersions.
KAFKA_3_9 = {0: (0, 11), 1: (0, 17), 3: (0, 12), 18: (0, 4)}


@asynccontextmanager
async def answering(answer: Answer) -> AsyncIterator[str]:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer ApiVersions as Kafka 3.9 does, by Kafka's published contract, and know of nothing else."""
    able = b"".join(struct.pack(">hhh", key, first, last) for key, (first, last) in KAFKA_3_9.items())
    with suppress(asyncio.IncompleteReadError):
        while True:
            (size,) = struct.unpack(">i", await reader.readexactly(4))
            api, version, correlation = struct.unpack_from(">hhi", await reader.readexactly(size))
            assert api == 18
            body = struct.pack(">ihi", correlation, 0, len(KAFKA_3_9)) + able + bytes(4 if version else 0)
            writer.write(struct.pack(">i", len(body)) + body)
    writer.close()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def another(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await writer.drain()
    writer.close()
