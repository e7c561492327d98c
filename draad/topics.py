"""`draad topics`: make the topics of the Kafka engine as `infra/kafka/topics.yaml` asks, or say where they differ."""

from collections.abc import Callable

from draad.many import security
from draad.settings import Misconfigured, Settings
from engine import topics
from schemas.errors import Refused

Say = Callable[[str], None]


async def apply(settings: Settings, say: Say) -> bool:
    """Make what is missing, and mend what can be mended. Raises `Refused` and `Unavailable`."""
    servers, wanted = servers_of(settings), topics.load(replication=settings.topics_replication)
    await topics.apply(servers, security(settings), settings.prefix, wanted, say)
    return True


async def require(settings: Settings) -> None:
    """Raise `Refused` unless the topics keep what they are given, if the log is on Kafka at all."""
    if settings.servers:
        said: list[str] = []
        if not await check(settings, said.append):
            more = f" ({len(said) - 1} more: see `draad topics check`)" if said[1:] else ""
            raise Refused(said[0].rstrip(".") + more)


async def check(settings: Settings, say: Say) -> bool:
    """True if nothing is wrong; each fault is said. Raises `Refused` and `Unavailable`."""
    servers, wanted = servers_of(settings), topics.load(replication=settings.topics_replication)
    wrong = await topics.check(servers, security(settings), settings.prefix, wanted)
    for fault in wrong or [f"All {len(wanted.topics)} topics are as they should be."]:
        say(fault)
    return not wrong


def servers_of(settings: Settings) -> str:
    if settings.servers is None:
        raise Misconfigured(
            "there are no topics here: only the Kafka engine has them, so name its servers in DRAAD_LOG"
        )
    return settings.servers
