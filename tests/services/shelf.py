"""Bytes kept in memory, and a power cut that can be had at any put."""

import hashlib

from schemas.errors import Unavailable


class Shelf:
    """As blobs are kept: what `put` returns from is there."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.away = False

    async def put(self, data: bytes) -> str:
        if self.away:
            raise Unavailable("the blobs are away")
        digest = hashlib.sha256(data).hexdigest()
        self.kept[digest] = data
        return digest

    async def get(self, digest: str) -> bytes:
        if self.away:
            raise Unavailable("the blobs are away")
        return self.kept[digest]
