"""What the settings say of a log of many machines, in the engine's words."""

from draad.settings import Settings
from engine.cluster import Cluster
from engine.door import Security
from schemas.jsonschema import topics


def security(settings: Settings) -> Security:
    return Security(user=settings.kafka_user, password=settings.kafka_password, ca=settings.kafka_ca)


def cluster(settings: Settings) -> Cluster | None:
    """Where the log is, if it is on Kafka. Raises `Refused` where a certificate cannot be read."""
    if settings.servers is None or settings.database is None:
        return None
    return Cluster(
        servers=settings.servers,
        database=settings.database.get_secret_value(),
        redis=settings.redis.get_secret_value() if settings.redis else None,
        topics=topics(),
        prefix=settings.prefix,
        source=settings.source,
        security=security(settings).options(),
    )
