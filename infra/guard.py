"""Become a server that does not outlive whoever started it, however that one ends.

    python guard.py FOLDER USER COMMAND...

Whoever starts this holds the other end of its standard input. Once that end closes, even by SIGKILL, the server is
killed and its folder removed. A signal at the parent's death would not do: it also comes when a mere thread ends, and
a change of user takes it away.
"""

import os
import pwd
import select
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def children(parent: int) -> Iterator[int]:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # It ended while we looked.
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                yield int(stat.parent.name)


def signal_all(server: int, number: signal.Signals) -> None:
    """To the server, and to those it has made: halted first, it makes no more of them meanwhile."""
    with suppress(ProcessLookupError):
        os.kill(server, signal.SIGSTOP)
        for process in (*children(server), server):
            with suppress(ProcessLookupError):
                os.kill(process, number)


def watch(server: int, folder: str) -> None:
    opened = os.pidfd_open(server)
    poll = select.poll()
    poll.register(sys.stdin.fileno(), select.POLLIN)
    poll.register(opened, select.POLLIN)
    if any(descriptor == opened for descriptor, _ in poll.poll()):
        return
    signal_all(server, signal.SIGKILL)
    select.select([opened], [], [])
    shutil.rmtree(folder, ignore_errors=True)


def main(folder: str, user: str, *command: str) -> None:
    server = os.getpid()
    if os.fork() == 0:
        if os.fork() == 0:  # Twice, so that the server finds no child that it never made.
            os.setsid()
            watch(server, folder)
        os._exit(0)
    os.wait()
    os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno())
    if user:
        entry = pwd.getpwnam(user)
        os.initgroups(user, entry.pw_gid)
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    os.chdir(folder)
    os.execvp(command[0], command)  # noqa: S606  # To become the command is the point.


if __name__ == "__main__":
    main(*sys.argv[1:])
