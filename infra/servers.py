"""Real servers for tests, benchmarks and developers: on free ports of this machine only, each in a folder of its own.

    with Redis() as redis, Postgres() as postgres, Kafka(brokers=3) as kafka:
        kafka.brokers[0].kill()

Inside the block they answer; after it, or after the death of whoever opened it, neither process nor folder is left.
`python -m infra.servers up` opens all three for a developer.
"""

import os
import secrets
import shutil
import signal
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from infra.broker import Kafka
from infra.server import HERE, Server, ask, in_containers

__all__ = ["Kafka", "Postgres", "Redis"]


IN_IMAGE: Final = "999"  # PostgreSQL's own user there.


class Redis(Server):
    """Redis with a password. What it says it wrote survives a kill, as it is in the hands of the system by then."""

    name, image = "redis", "redis:8.2.2-bookworm"

    def __init__(self) -> None:
        super().__init__()
        self.port, self.password = self.take_port(), secrets.token_urlsafe(16)
        self.url = f"redis://:{self.password}@{HERE}:{self.port}/0"

    def prepare(self) -> None:
        settings = (
            f"bind {HERE}\nport {self.port}\nrequirepass {self.password}\ndir {self.folder}\n"
            'appendonly yes\nappendfsync everysec\nsave ""\nloglevel notice\n'
        )
        (self.folder / "redis.conf").write_text(settings)

    def command(self) -> list[str]:
        return ["redis-server", str(self.folder / "redis.conf")]

    def answers(self) -> bool:
        return b"+PONG" in ask(self.port, f"AUTH {self.password}\r\nPING\r\n".encode())


class Postgres(Server):
    """PostgreSQL as it is put into use, with fsync. It refuses to run as root: root runs it as its package's user."""

    name, image = "postgres", "postgres:17.6-bookworm"
    stops_at = signal.SIGINT  # Its "fast": it breaks off what runs, and closes properly.

    def __init__(self) -> None:
        super().__init__()
        self.port, self.password = self.take_port(), secrets.token_urlsafe(16)
        self.user = "" if os.getuid() else IN_IMAGE if in_containers() else "postgres"
        self.data = self.folder / "data"

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://draad:{self.password}@{HERE}:{self.port}/{database}"

    def prepare(self) -> None:
        secret = self.folder / "password"
        secret.write_text(self.password)
        self.log.touch()
        if self.user:
            for path in (self.folder, secret, self.log):
                shutil.chown(path, int(self.user) if self.user == IN_IMAGE else self.user)
        options = ("--username=draad", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        self.run(program("initdb"), f"--pgdata={self.data}", f"--pwfile={secret}", *options)
        secret.unlink()

    def command(self) -> list[str]:
        settings = {"listen_addresses": HERE, "port": self.port, "unix_socket_directories": "", "max_connections": 200}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [program("postgres"), "-D", str(self.data), *options]

    def answers(self) -> bool:
        """It asks for the password once it has recovered; until then it says "starting up"."""
        hello = b"user\0draad\0database\0postgres\0\0"
        return ask(self.port, struct.pack(">ii", 8 + len(hello), 3 << 16) + hello)[:1] == b"R"


def program(name: str) -> str:
    """Debian keeps PostgreSQL's programs off the path, one folder per version: the newest. Its image does not."""
    if in_containers():
        return name
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[4]))
    return str(found[-1]) if found else name


def up(brokers: int) -> None:
    """Open all three, say where they are, and wait to be interrupted."""
    with Redis() as redis, Postgres() as postgres, Kafka(brokers, lasting=True) as kafka:
        sys.stdout.write(f"kafka     {kafka.address}\npostgres  {postgres.url()}\nredis     {redis.url}\n")
        sys.stdout.write("They stop at Ctrl-C, and keep nothing.\n")
        sys.stdout.flush()
        signal.pause()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["up", *brokers] if brokers in ([], ["3"]):
            signal.signal(signal.SIGTERM, lambda *_: sys.exit())
            with suppress(KeyboardInterrupt):
                up(3 if brokers else 1)
        case _:
            sys.exit("python -m infra.servers up [3]: open Redis, PostgreSQL and Kafka, with one broker or three.")
