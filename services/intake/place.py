"""Where each mailbox is read up to, and which mails are known: what a fetcher asks before it goes on."""

from typing import Final

from sqlalchemy import BigInteger, Column, MetaData, Table, Text

from engine.processor import Put, State, projection, register
from schemas.contact import ContactReceived
from schemas.event import Envelope
from schemas.mailbox import MailboxRead

CHANNEL: Final = "email"


class Place(State, frozen=True):
    """The last mail that was taken in. The server counts anew under another validity."""

    validity: int = 0
    uid: int = 0


places_table: Final = Table(
    "mailbox",
    MetaData(),
    Column("inbox", Text, primary_key=True),
    Column("validity", BigInteger, nullable=False),
    Column("uid", BigInteger, nullable=False),
)
mails_table: Final = Table("mail", MetaData(), Column("contact_id", Text, primary_key=True))


def go_on(place: Place, event: MailboxRead, cause: Envelope) -> tuple[Place, list[Put]]:
    """Under the same validity a place only moves ahead, in whatever order two fetchers wrote it down."""
    del cause
    if event.validity == place.validity and event.uid <= place.uid:
        return place, []
    after = Place(validity=event.validity, uid=event.uid)
    return after, [Put({"inbox": event.inbox, "validity": after.validity, "uid": after.uid})]


def know(event: ContactReceived, cause: Envelope) -> list[Put]:
    """The log knows a repeat for thirty days; a server that counts anew shows mail of years."""
    del cause
    return [Put({"contact_id": event.contact_id})] if event.channel == CHANNEL else []


places = register("intake.mailbox", places_table, go_on)
mails = projection("intake.mail", mails_table, know)
