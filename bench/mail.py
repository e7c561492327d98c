"""Mail taken in from a real mailbox, and the memory that it takes: `DRAAD_BENCH_MAILS` says how many, 50,000 if not.

Dovecot, Draad's fetcher, its reader, the file of the log and the folder of blobs are all on this machine. Memory is
this process's, looked at after each tenth; the mailbox itself is another process.
"""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

import psutil
from pydantic import SecretStr

from bench.figures import head, say
from channels.channel import Secrets
from channels.email import Inbox, open_channel
from engine.blobs import open_blobs
from engine.engine import Engine, open_engine, utc_now
from infra.mail import USER, Dovecot
from infra.server import HERE
from services.intake.mailbox import Gauges, Mailbox
from services.intake.place import mails, places
from services.intake.post import Post
from services.intake.quarantine import quarantine

MAILS: Final = 50_000
TENTHS: Final = 10
TEXT: Final = "Wanneer wordt mijn grijze bak geleegd? Hij staat al drie dagen buiten. " * 12


async def run() -> None:
    count = int(os.environ.get("DRAAD_BENCH_MAILS", MAILS))
    head(f"Mail: {count:,} small mails taken in from IMAP, durable, in tenths")
    with Dovecot() as dovecot, TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'draad.db'}"
        async with open_engine(url) as engine, open_blobs(url, None) as blobs:
            await engine.settle(places, mails, quarantine)
            inbox = Inbox(
                address=USER,
                imap_host=HERE,
                imap_port=dovecot.imap,
                imap_security="none",
                imap_user=USER,
                imap_password=SecretStr(dovecot.password),
            )
            channel = open_channel({"info": inbox}, Secrets(b"p" * 32, b"t" * 32), "")
            mailbox = Mailbox(
                "info",
                inbox,
                post=Post(blobs, channel),
                engine=engine,
                gauges=Gauges(engine.meter.registry),
                clock=utc_now,
            )
            rates, memory = [], []
            for tenth in range(TENTHS):
                first = tenth * count // TENTHS
                dovecot.drop(*(letter(n) for n in range(first, (tenth + 1) * count // TENTHS)))
                began = perf_counter()
                await mailbox.visit(0)
                rates.append(((tenth + 1) * count // TENTHS - first) / (perf_counter() - began))
                memory.append(psutil.Process().memory_info().rss / 2**20)
            assert await taken(engine) == count, "every mail is one contact"
            say("taken in", rates, "mails/s")
            say("memory after the first tenth", memory[:1], "MB")
            say("memory after each later tenth", memory[1:], "MB")


async def taken(engine: Engine) -> int:
    found, after = 0, 0
    while batch := await engine.read(after, 5_000):
        found += sum(each.type == "contact.received" for each in batch)
        after = batch[-1].position
    return found


def letter(number: int) -> bytes:
    head = f"From: Jan <jan{number % 5_000}@mail.example>\r\nTo: {USER}\r\nSubject: Vraag {number}\r\n"
    return f"{head}Message-ID: <{number}@mail.example>\r\n\r\n{TEXT}\r\n".encode()
