"""The command that subscribes, and what the doctor says of the case system."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest

from simulation import twilio
from tests.beside import beside
from tests.draad.test_site import zaken
from tests.fakes.openzaak import OpenZaak, Resource, settings_of
from tests.running import command
from tests.story.town import kept_open

SECRETS: Final = {name.upper(): str(settings_of("")[name]) for name in ("secret", "callback_token")}


@pytest.fixture
def zaak() -> Iterator[OpenZaak]:
    """It answers; and what it sends is taken only with a token."""
    made = OpenZaak()

    async def callback(_url: str, headers: Mapping[str, str], _body: Resource) -> int:
        return 204 if headers else 401

    made.callback = callback
    with beside() as there, kept_open(there, lambda: twilio.serving(made)) as home:
        made.stands_at(home)
        yield made


def site(folder: Path, zaak: OpenZaak) -> str:
    said = zaken(**{name: {"env": name.upper()} for name in ("secret", "callback_token")})
    path = folder / "site.toml"
    path.write_text(
        said.replace("https://zaak.example", zaak.home).replace("{'env': ", "{ env = ").replace("'}", "' }")
    )
    return str(path)


def test_it_subscribes_and_the_doctor_sees_it(tmp_path: Path, zaak: OpenZaak) -> None:
    log, set_up = tmp_path / "draad.db", {"DRAAD_SITE": site(tmp_path, zaak), **SECRETS}
    ill = command(log, "doctor", "--port", "1", **set_up)
    assert "run draad zaken subscribe" in ill.stdout
    made = command(log, "zaken", "subscribe", **set_up)
    assert (made.returncode, "Subscribed: http://localhost/zgw/notificaties" in made.stdout) == (0, True)
    assert "The case system answers, and tells" in command(log, "doctor", "--port", "1", **set_up).stdout
    zaak.forbidden = True
    ill = command(log, "doctor", "--port", "1", **set_up)
    assert "WRONG  The case system cannot be followed: the case system does not let us see this (403)" in ill.stdout
    failed = command(log, "zaken", "subscribe", **set_up)
    assert (failed.returncode, "403" in failed.stderr) == (1, True)
    assert not [secret for secret in SECRETS.values() if secret in ill.stdout + failed.stderr + made.stdout]


def test_without_a_case_system_it_says_what_to_do(tmp_path: Path) -> None:
    told = command(tmp_path / "draad.db", "zaken", "subscribe")
    assert (told.returncode, "fill in the table zaken" in told.stderr) == (2, True)
    assert "There is no case system" in command(tmp_path / "draad.db", "doctor", "--port", "1").stdout
