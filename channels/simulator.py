"""Named addresses at which a message fares as their name says, well or badly: for whoever tries out what they set up.

They belong to nobody: the domain is reserved by RFC 2606, and the numbers by the Swedish telecom authority, for books
and films. Only they are played here; all else goes its real way.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from channels.channel import Message, Reconciler, Sender, Undeliverable
from schemas.errors import Ambiguous, Refused, Unavailable
from schemas.event import Event
from schemas.message import MessageBounced, MessageDelivered

PLAYED: Final = frozenset({"email", "sms", "whatsapp"})
DOMAIN: Final = "simulator.example"
NUMBERS: Final = "+4670174061"  # And one digit. Reserved are 070-1740605 to 070-1740699.
OFTEN: Final = 2  # So many tries are too many at once; the next one is taken.
SLOW_S: Final = 10.0
RECEIPT_S: Final = 2.0  # After it was taken.


class Play(NamedTuple):
    """What becomes of a message: at once, and later."""

    at_once: Callable[[], Exception] | None = None
    later: Callable[..., Event] | None = None
    slow: bool = False
    times: int = -1  # So often it goes wrong at once; always, where it says -1.


def never(word: str) -> Callable[[], Exception]:
    return lambda: Undeliverable("the simulator refuses it", word)


def bounced(**said: Any) -> MessageBounced:  # noqa: ANN401  # The fields of a receipt.
    return MessageBounced(reason="no-such-address", **said)


PLAYS: Final[Mapping[str, Play]] = {
    "delivered": Play(later=MessageDelivered),
    "bounced": Play(later=bounced),
    "refused": Play(never("no-such-address")),
    "no-mobile": Play(never("no-mobile")),
    "full": Play(never("mailbox-full")),
    "busy": Play(lambda: Unavailable("the simulator is busy"), MessageDelivered, times=OFTEN),
    "unknown": Play(lambda: Ambiguous("the simulator does not say whether it took it")),
    "slow": Play(later=MessageDelivered, slow=True),
    "silent": Play(),
}
BY_NUMBER: Final = {f"{NUMBERS}{nth}": name for nth, name in enumerate(PLAYS)}
Tell = Callable[[Event, str], Awaitable[None]]  # Keeps a fact, under a key.


def play_of(address: str) -> str:
    """What is played at an address; empty at all that are real."""
    local, _, domain = address.partition("@")
    return local if domain == DOMAIN and local in PLAYS else BY_NUMBER.get(address, "")


class Simulator:
    """A road with the simulator before it."""

    def __init__(
        self,
        road: Sender,
        tell: Tell,
        clock: Callable[[], datetime],
        waits_s: tuple[float, float] = (SLOW_S, RECEIPT_S),
    ) -> None:
        self.name = road.name
        self._road, self._tell, self._clock = road, tell, clock
        self._slow_s, self._receipt_s = waits_s
        self._tried: Counter[str] = Counter()
        self._receipts: set[asyncio.Task[None]] = set()

    async def send(self, message: Message) -> str:
        name = play_of(message.address)
        if not name:
            return await self._road.send(message)
        play = PLAYS[name]
        self._tried[message.message_id] += 1
        if play.at_once and (play.times < 0 or self._tried[message.message_id] <= play.times):
            raise play.at_once()
        if play.slow:
            await asyncio.sleep(self._slow_s)
        if play.later:
            receipt = asyncio.create_task(self._receipt(message, play.later))
            self._receipts.add(receipt)
            receipt.add_done_callback(self._receipts.discard)
        return reference(message)

    async def reconcile(self, message: Message) -> str | None:
        """It has all that it took; of what it does not say, nobody finds anything."""
        if name := play_of(message.address):
            return None if PLAYS[name].at_once else reference(message)
        if not isinstance(self._road, Reconciler):
            raise Refused("this road cannot be asked what it took")
        return await self._road.reconcile(message)

    async def _receipt(self, message: Message, later: Callable[..., Event]) -> None:
        await asyncio.sleep(self._receipt_s)
        said = {"message_id": message.message_id, "address_id": message.address_id, "channel": self.name}
        await self._tell(later(at=self._clock(), **said), f"simulator {message.message_id}")


def reference(message: Message) -> str:
    return f"simulated.{message.message_id}"
