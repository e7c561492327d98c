"""A real Apache Kafka, of one broker or three, from its published jars.

`kafka.brokers[0]` has the verbs of every server: `kill`, `stop`, `pause`, `resume`, `start`. `kafka` has the same ones,
for all its brokers at once.
"""

import base64
import fcntl
import secrets
import shutil
import struct
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Final

from infra.server import HERE, Opened, Server, ask, in_containers, run

FETCH_S_MAX: Final = 600  # Once per checkout, the jars come over the network.
HEAP_MB: Final = 384
OURS: Final = Path(__file__).parent / "kafka"
JARS: Final = Path(__file__).parent.parent / "build" / "kafka" / "jars"
IN_IMAGE: Final = "/opt/kafka/libs"
CLASSES: Final = JARS.parent / "classes.jsa"
USER: Final = "draad"
# A tool, or a broker that lives for minutes, never gets back what compiling its code well costs: half of all it does.
BRIEF: Final = ("-XX:TieredStopAtLevel=1",)

Settings = Mapping[str, str | int]


def java(*arguments: str, heap_mb: int = HEAP_MB) -> list[str]:
    return ["java", f"-Xmx{heap_mb}m", "-cp", f"{IN_IMAGE if in_containers() else JARS}/*", *arguments]


def fetch_jars() -> None:
    """Have the jars that the pom names. Only a pom that was changed has them fetched again."""
    pom, stamp = OURS / "pom.xml", JARS.parent / "stamp"
    wanted = sha256(pom.read_bytes()).hexdigest()
    JARS.parent.mkdir(parents=True, exist_ok=True)
    with (JARS.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == wanted:
            return
        shutil.rmtree(JARS, ignore_errors=True)
        options = ("--quiet", "--batch-mode", "--strict-checksums", f"--file={pom}")
        run("kafka", "mvn", *options, "package", seconds_max=FETCH_S_MAX)
        keep_classes()
        stamp.write_text(wanted)


def keep_classes() -> None:
    """Let one broker load its classes and leave them ready beside the jars: each later one starts in half the time."""
    CLASSES.unlink(missing_ok=True)
    kafka = Kafka()
    kafka.classes = (f"-XX:ArchiveClassesAtExit={CLASSES}",)
    try:
        kafka.bring_up()
        kafka.stop()
    finally:
        kafka.close()


class Broker(Server):
    """One node of a cluster, broker and controller in one, with three doors.

    `port` is plain. `safe`, if the cluster is, asks for TLS and for the cluster's user and password. Who comes in at
    `back` is told to go on by `front`, where nobody listens but a proxy of yours.
    """

    def __init__(self, cluster: "Kafka", node: int) -> None:
        self.name, self.image = f"kafka-{node}", "apache/kafka:4.3.1"
        super().__init__()
        self.cluster, self.node = cluster, node
        self.controller, self.port, self.safe, self.front, self.back = (self.take_port() for _ in range(5))
        self.address, self.settings = f"{HERE}:{self.port}", self.folder / "server.properties"

    def prepare(self) -> None:
        shutil.copy(OURS / "log4j2.properties", self.folder)
        settings = self.cluster.settings_of(self)
        self.settings.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        tool = java(*BRIEF, "kafka.tools.StorageTool", "format")
        scram = f"SCRAM-SHA-512=[name={USER},password={self.cluster.password}]"
        self.run(*tool, f"--cluster-id={self.cluster.id}", f"--config={self.settings}", f"--add-scram={scram}")

    def command(self) -> list[str]:
        logs = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}"
        how = () if self.cluster.lasting else BRIEF
        return java(*self.cluster.classes, *how, logs, "kafka.Kafka", str(self.settings), heap_mb=self.cluster.heap_mb)

    def answers(self) -> bool:
        """Whether it lists what it can do: it does so once the cluster has taken it in."""
        which_versions = struct.pack(">ihhih", 10, 18, 0, 1, -1)
        answer = ask(self.port, which_versions)
        return len(answer) > 10 and struct.unpack_from(">iih", answer)[2] == 0  # noqa: PLR2004  # Two lengths, no error.


class Kafka(Opened):
    """A cluster. Of three brokers, two have a fact before it is acknowledged. Only who asks for a topic gets one.

    One that is to be measured is `lasting`: in its first minute it is slower, and then as quick as in a town hall.
    """

    def __init__(
        self,
        brokers: int = 1,
        *,
        safe: bool = False,
        lasting: bool = False,
        heap_mb: int = HEAP_MB,
        overrides: Settings | None = None,
    ) -> None:
        self.id = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
        self.user, self.password, self.safe = USER, secrets.token_urlsafe(16), safe
        self.heap_mb, self.lasting, self._overrides = heap_mb, lasting, overrides or {}
        self.classes = () if in_containers() else (f"-XX:SharedArchiveFile={CLASSES}",)
        self.brokers = tuple(Broker(self, node + 1) for node in range(brokers))
        self.address = ",".join(broker.address for broker in self.brokers)
        self.safe_address = ",".join(f"{HERE}:{broker.safe}" for broker in self.brokers)
        self.proxied_address = ",".join(f"{HERE}:{broker.front}" for broker in self.brokers)

    def open(self) -> None:
        if not in_containers():
            fetch_jars()
        self.bring_up()

    def bring_up(self) -> None:
        """Start it for the first time, from jars that are there."""
        if self.safe:
            self._make_certificate()
        with ThreadPoolExecutor() as threads:
            list(threads.map(Broker.prepare, self.brokers))
        self.start()

    def start(self) -> None:
        """Start those that do not run: all of them before any is waited for, since each needs the others."""
        launched = [broker for broker in self.brokers if not broker.running]
        for broker in launched:
            broker.launch()
        for broker in launched:
            broker.await_answer()

    def kill(self) -> None:
        for broker in self.brokers:
            broker.kill()

    def stop(self) -> None:
        with ThreadPoolExecutor() as threads:
            list(threads.map(Broker.stop, self.brokers))

    def pause(self) -> None:
        for broker in self.brokers:
            broker.pause()

    def resume(self) -> None:
        for broker in self.brokers:
            broker.resume()

    def close(self) -> None:
        for broker in self.brokers:
            broker.close()

    @property
    def certificate(self) -> Path:
        """What a client of a safe cluster must trust."""
        return self.brokers[0].folder / "certificate.pem"

    def _make_certificate(self) -> None:
        store = f"-keystore {self.brokers[0].folder}/keys.p12 -storetype PKCS12 -storepass {self.password} -alias kafka"
        name = f"-dname CN={HERE} -ext san=ip:{HERE}"
        keytool = self.brokers[0].run
        keytool("keytool", "-genkeypair", *store.split(), *name.split(), "-keyalg", "EC", "-validity", "2")
        keytool("keytool", "-exportcert", *store.split(), "-rfc", "-file", str(self.certificate))

    def settings_of(self, broker: Broker) -> Settings:
        copies, enough = min(3, len(self.brokers)), min(2, len(self.brokers))
        doors = {"PLAIN": (broker.port, broker.port), "PROXIED": (broker.back, broker.front)}
        safe: Settings = {}
        if self.safe:
            doors["SAFE"] = (broker.safe, broker.safe)
            safe = self._safe_settings()
        return {
            "node.id": broker.node,
            "process.roles": "broker,controller",
            "controller.quorum.voters": ",".join(f"{other.node}@{HERE}:{other.controller}" for other in self.brokers),
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAIN",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAIN:PLAINTEXT,PROXIED:PLAINTEXT,SAFE:SASL_SSL",
            "listeners": ",".join(
                [f"CONTROLLER://{HERE}:{broker.controller}"]
                + [f"{door}://{HERE}:{listens}" for door, (listens, _) in doors.items()]
            ),
            "advertised.listeners": ",".join(f"{door}://{HERE}:{told}" for door, (_, told) in doors.items()),
            "log.dirs": str(broker.folder / "data"),
            "broker.session.timeout.ms": 4000,  # So soon is a killed broker missed, and let in again.
            "broker.heartbeat.interval.ms": 500,
            "log.cleaner.dedupe.buffer.size": 4 << 20,  # Its default takes a third of this heap.
            "log.retention.ms": -1,
            "auto.create.topics.enable": "false",
            "default.replication.factor": copies,
            "min.insync.replicas": enough,
            "offsets.topic.replication.factor": copies,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": enough,
            "transaction.state.log.num.partitions": 4,
            "group.initial.rebalance.delay.ms": 0,
            **safe,
            **self._overrides,
        }

    def _safe_settings(self) -> Settings:
        module = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        return {
            "listener.name.safe.sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.safe.scram-sha-512.sasl.jaas.config": module,
            "listener.name.safe.ssl.keystore.type": "PKCS12",
            "listener.name.safe.ssl.keystore.location": str(self.brokers[0].folder / "keys.p12"),
            "listener.name.safe.ssl.keystore.password": self.password,
        }
