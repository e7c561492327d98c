"""How each case looked when it was last followed: by this a look at all cases finds those that changed."""

from typing import Final

from sqlalchemy import Boolean, Column, Index, MetaData, String, Table, Text

from engine.processor import Drop, Put, projection
from schemas.event import Envelope
from schemas.notice import NoticeFollowed

seen_table: Final = Table(
    "zaak_seen",
    MetaData(),
    Column("case_id", Text, primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("ended", Boolean, nullable=False),
    Index(None, "ended", "case_id"),
)


def see(event: NoticeFollowed, _cause: Envelope) -> list[Put | Drop]:
    key = {"case_id": event.case_id}
    return [Drop(key)] if event.gone else [Put(key | {"digest": event.digest, "ended": event.ended})]


seen: Final = projection("zaken.seen", seen_table, see)
