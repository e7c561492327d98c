"""A real Draad with a real mailbox: mail comes in, also after a kill, and who cannot come in is told of."""

import smtplib
import time
from pathlib import Path
from typing import Final

from infra.mail import USER, Dovecot
from infra.server import HERE
from tests.channels.post import plain
from tests.draad.test_process import facts
from tests.running import Running, running

WAIT_S_MAX: Final = 60.0


def channels(folder: Path, dovecot: Dovecot, lmtp: int) -> str:
    path = folder / "channels.toml"
    path.write_text(f"""
public_url = "https://contact.example.nl"

[email.info]
address = "{USER}"
imap_host = "{HERE}"
imap_port = {dovecot.imap}
imap_security = "none"
imap_user = "{USER}"
imap_password = {{ env = "MAIL_PASSWORD" }}
lmtp_listen = "{HERE}:{lmtp}"
""")
    return str(path)


def until(house: Running, log: Path, contacts: int) -> None:
    """Wait until so many are on the log."""
    deadline = time.monotonic() + WAIT_S_MAX
    while len(facts(log, "--type", "contact.received")) < contacts:
        assert time.monotonic() < deadline, house.said
        time.sleep(0.1)


def until_told(house: Running, word: str) -> None:
    deadline = time.monotonic() + WAIT_S_MAX
    while word not in house.client.get("/health/ready").text:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_mail_comes_in_by_both_roads_and_a_kill_loses_and_doubles_nothing(tmp_path: Path) -> None:
    log = tmp_path / "draad.db"
    with Dovecot() as dovecot:
        lmtp = dovecot.take_port()
        plan = channels(tmp_path, dovecot, lmtp)
        dovecot.deliver(*(plain(f"Mail {n}", Message_ID=f"<{n}@x>") for n in range(30)))
        with running(log, DRAAD_CHANNELS=plan, MAIL_PASSWORD=dovecot.password) as house:
            until(house, log, 1)
            house.kill()
        dovecot.deliver(plain("Later", Message_ID="<later@x>"))
        with running(log, DRAAD_CHANNELS=plan, MAIL_PASSWORD=dovecot.password) as house:
            until(house, log, 31)
            with smtplib.LMTP(HERE, lmtp, timeout=30) as relay:
                assert relay.sendmail("jan@mail.example", [USER], plain("Gebracht", Message_ID="<lmtp@x>")) == {}
            until(house, log, 32)
            assert house.client.get("/health/ready").json() == {"status": "ok"}
            assert house.stop() == 0
        assert len(facts(log, "--type", "contact.received")) == 32


def test_a_password_that_does_not_fit_is_told_and_the_house_is_ready_all_the_same(tmp_path: Path) -> None:
    log = tmp_path / "draad.db"
    with Dovecot() as dovecot:
        plan = channels(tmp_path, dovecot, dovecot.take_port())
        with running(log, DRAAD_CHANNELS=plan, MAIL_PASSWORD="wrong") as house:
            until_told(house, "the mailbox info does not let us in")
            assert house.client.get("/health/ready").status_code == 200
            assert 'draad_mailbox_up{inbox="info"} 0.0' in house.client.get("/metrics").text
            assert house.stop() == 0
