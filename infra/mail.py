"""A real mail server for tests and benchmarks: Dovecot, with one mailbox, over IMAP and LMTP on free ports.

with Dovecot() as dovecot:
    dovecot.deliver(raw)

With a certificate it also takes IMAP over TLS, from the first byte at `imaps` and by STARTTLS at `imap`.
"""

import grp
import os
import pwd
import secrets
import shutil
import smtplib
from pathlib import Path
from typing import Final

from infra.certificate import Certificate
from infra.server import HERE, NotStarted, Server, ask

USER: Final = "info@gemeente.example"
UNPRIVILEGED: Final = "dovecot"  # The package's own user, whom root runs it as.
LETTER_S_MAX: Final = 60


class Dovecot(Server):
    """Dovecot, which only listens to this machine. Its user and password may be changed while it runs."""

    name = "dovecot"

    def __init__(self, certificate: Certificate | None = None) -> None:
        super().__init__()
        self.imap, self.imaps, self.lmtp = self.take_port(), self.take_port(), self.take_port()
        self._certificate = certificate
        self._dropped = 0
        self.password = secrets.token_urlsafe(16)
        self.user = "" if os.getuid() else UNPRIVILEGED

    def prepare(self) -> None:
        if shutil.which("dovecot") is None:
            raise NotStarted("dovecot: it is not here; infra/packages.sh installs it.")
        self.set_password(self.password)
        self.write_settings()
        if self._certificate:  # Where its own user may read them.
            shutil.copy(self._certificate.chain, self.folder / "chain.pem")
            shutil.copy(self._certificate.key, self.folder / "key.pem")
        for name in ("mail", "run", "state"):
            (self.folder / name).mkdir()
        self.log.touch()
        if self.user:
            for path in (self.folder, *self.folder.rglob("*")):
                shutil.chown(path, self.user, self.user)

    def set_password(self, password: str) -> None:
        """From now on only this one opens the mailbox; connections that are open stay so."""
        (self.folder / "users").write_text(f"{USER}:{{PLAIN}}{password}\n")
        (self.folder / "users").chmod(0o644)

    def write_settings(self) -> None:
        me = pwd.getpwuid(os.getuid()).pw_name if not self.user else self.user
        ids = pwd.getpwnam(me)
        (self.folder / "dovecot.conf").write_text(f"""
protocols = imap lmtp
listen = {HERE}
base_dir = {self.folder}/run
state_dir = {self.folder}/state
log_path = /dev/stderr
{self._tls()}
disable_plaintext_auth = no
auth_cache_size = 0
default_internal_user = {me}
default_internal_group = {grp.getgrgid(ids.pw_gid).gr_name}
default_login_user = {me}
first_valid_uid = {ids.pw_uid or 1}
first_valid_gid = {ids.pw_gid or 1}
mail_location = maildir:{self.folder}/mail/box
mail_fsync = never
mailbox_idle_check_interval = 1 secs
recipient_delimiter = +
lmtp_save_to_detail_mailbox = no
passdb {{
  driver = passwd-file
  args = {self.folder}/users
}}
userdb {{
  driver = static
  args = uid={ids.pw_uid} gid={ids.pw_gid} home={self.folder}/mail
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {self.imap}
  }}
  {self._imaps()}
}}
service lmtp {{
  inet_listener lmtp {{
    address = {HERE}
    port = {self.lmtp}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
""")

    def _tls(self) -> str:
        if self._certificate is None:
            return "ssl = no"
        return f"ssl = yes\nssl_cert = <{self.folder}/chain.pem\nssl_key = <{self.folder}/key.pem"

    def _imaps(self) -> str:
        port = self.imaps if self._certificate else 0
        return f"inet_listener imaps {{\n    port = {port}\n    ssl = yes\n  }}"

    def command(self) -> list[str]:
        return ["dovecot", "-F", "-c", str(self.folder / "dovecot.conf")]

    def answers(self) -> bool:
        return b"OK" in ask(self.imap, b"") and b"220" in ask(self.lmtp, b"")

    def deliver(self, *mails: bytes, to: str = USER, sender: str = "jan@mail.example") -> None:
        """Put mails into the mailbox, as a relay does. Raises what it refuses."""
        with smtplib.LMTP(HERE, self.lmtp, timeout=LETTER_S_MAX) as relay:
            for raw in mails:
                relay.sendmail(sender, [to], raw)

    def drop(self, *mails: bytes) -> None:
        """Put many mails into the mailbox at once, as files, as its format allows: quicker than by a relay."""
        box = self.folder / "mail" / "box"
        for name in ("", "cur", "new", "tmp"):
            (box / name).mkdir(exist_ok=True)
            self._own(box / name)
        for raw in mails:
            self._dropped += 1
            draft = box / "tmp" / f"{self._dropped:010}.draad"
            draft.write_bytes(raw)
            self._own(draft)
            draft.rename(box / "new" / draft.name)

    def _own(self, path: Path) -> None:
        if self.user:
            shutil.chown(path, self.user, self.user)

    def count_anew(self) -> None:
        """It has the mails that it had, and counts them under another validity, as after a restore."""
        self.stop()
        for pattern in ("dovecot.index*", "dovecot-uidlist", "dovecot-uidvalidity*"):
            for kept in (self.folder / "mail").rglob(pattern):
                kept.unlink()
        self.start()
