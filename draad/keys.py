"""The secrets of one deployment, made from one pepper. It is made once, and lies beside the log for its owner only."""

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from draad.settings import Settings
from schemas.errors import Refused

PEPPER_BYTES: Final = 32
OTHERS: Final = 0o077  # What nobody else may do with the file.


class Keys(NamedTuple):
    """One key per purpose, so that none tells anything of another."""

    addresses: bytes
    door: bytes
    rates: bytes
    tokens: bytes  # In what is sent, by which an answer finds its conversation.
    programs: bytes  # Of those that come in with a token.
    subscribers: bytes  # By which they know that it is us.
    links: bytes  # To the pages of residents.


def keys_of(settings: Settings, *, facts: bool) -> Keys:
    """The keys of this deployment. `facts`: the log holds some, so that a lost pepper must not be made anew."""
    if settings.pepper:
        pepper = settings.pepper.get_secret_value().encode()
    elif settings.path is None:
        pepper = secrets.token_bytes(PEPPER_BYTES)
    else:
        pepper = kept(key_file(settings.path), facts=facts)
    return Keys(*(hmac.new(pepper, f"draad {name}".encode(), hashlib.sha256).digest() for name in Keys._fields))


def key_file(log: str) -> Path:
    return Path(f"{log}.key")


def kept(path: Path, *, facts: bool) -> bytes:
    """The pepper in this file, which is made if there is none. Raises `Refused` with what to do."""
    if not path.exists():
        if facts:
            raise Refused(
                f"the log has facts, but its key is gone: restore {path}, or set DRAAD_PEPPER to what it was made with"
            )
        make(path)
    try:
        found = bytes.fromhex(path.read_text("ascii"))
        readable = path.stat().st_mode & OTHERS
    except (OSError, ValueError):
        raise Refused(f"{path} cannot be read as a key: restore it from a backup") from None
    if len(found) != PEPPER_BYTES:
        raise Refused(f"{path} is damaged: restore it from a backup")
    if readable:
        raise Refused(f"{path} can be read by others: run chmod 600 on it")
    return found


def make(path: Path) -> None:
    """Whole or not at all, and never over another: a half-written key would be worse than none."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(PEPPER_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # Another process was first: its key is the one.
            os.link(draft, path)
        draft.unlink()
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
    except OSError as error:
        raise Refused(f"cannot write {path} ({error.strerror}): choose another folder for the log") from None
