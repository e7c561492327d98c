"""The same servers in containers, by testcontainers, where DRAAD_TEST_SERVERS=docker asks for them.

Only what runs is another: the images of docker-compose.yml instead of what is installed here. A container shares this
machine's network and has the server's own folder, so that ports, settings, data and faults are the same.
"""

import os
import signal
from pathlib import Path
from typing import Any, Final

from docker.errors import DockerException, NotFound
from requests.exceptions import RequestException
from testcontainers.core.container import DockerContainer

from infra.server import START_S_MAX, NotStarted

LIVES: Final = frozenset({"running", "paused"})


def contained(image: str, command: list[str], folder: Path, user: str) -> tuple[DockerContainer, Any]:
    """Start it, as this user of the image, or as ourselves. Raises `NotStarted`."""
    try:
        container = (
            DockerContainer(image)
            .with_command(command)
            .with_volume_mapping(folder, str(folder), "rw")
            .with_kwargs(entrypoint=[], network_mode="host", user=user or f"{os.getuid()}:{os.getgid()}")
        )
        if not user:
            container.with_volume_mapping("/etc/passwd", "/etc/passwd")  # PostgreSQL asks for our name.
        return container, container.start().get_wrapped_container()
    except (DockerException, RequestException) as error:
        raise NotStarted(f"{image}: Docker does not start it: {error}") from None


def run(name: str, image: str, command: list[str], folder: Path, user: str) -> None:
    """Run one of a server's own tools to its end. Raises `NotStarted`."""
    container, found = contained(image, command, folder, user)
    try:
        code = found.wait(timeout=START_S_MAX)["StatusCode"]
        if code:
            raise NotStarted(f"{name}: {command[0]} ended with {code}:\n{found.logs().decode(errors='replace')}")
    finally:
        container.stop()


class Contained:
    """One life of a server in a container."""

    def __init__(self, image: str, command: list[str], folder: Path, user: str) -> None:
        self._container, self._found = contained(image, command, folder, user)

    @property
    def pid(self) -> int:
        self._found.reload()
        return int(self._found.attrs["State"]["Pid"])

    @property
    def alive(self) -> bool:
        return self._status() in LIVES

    def ask(self, number: signal.Signals) -> None:
        self._found.kill(number.name)

    def kill(self) -> None:
        self._found.kill()

    def pause(self) -> None:
        self._found.pause()

    def resume(self) -> None:
        if self._status() == "paused":
            self._found.unpause()

    def ended(self, seconds: float) -> bool:
        try:
            self._found.wait(timeout=seconds)
        except RequestException:
            return False
        return True

    def said(self) -> str:
        return str(self._found.logs().decode(errors="replace"))

    def close(self) -> None:
        self._container.stop()

    def _status(self) -> str:
        try:
            self._found.reload()
        except NotFound:
            return "gone"
        return str(self._found.status)
