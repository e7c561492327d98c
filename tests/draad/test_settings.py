"""What can be set, and the one sentence for what is set wrongly."""

import pytest

from draad.settings import SECRET_CHARS_MIN, Misconfigured, Settings

LONG = "x" * SECRET_CHARS_MIN


def test_without_settings_it_runs_on_this_machine_only() -> None:
    settings = Settings.from_env({"HOME": "somewhere"})
    assert (settings.address, settings.path) == ("http://127.0.0.1:8000", "var/draad.db")


def test_every_setting_has_its_name() -> None:
    names = {"LOG": "memory:", "HOST": "::1", "PORT": "9000", "TOKEN": LONG, "PEPPER": LONG}
    settings = Settings.from_env({f"DRAAD_{name}": value for name, value in names.items()})
    assert (settings.address, settings.path) == ("http://[::1]:9000", None)
    assert LONG not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PROT", "9000", "did you mean DRAAD_PORT?"),
        ("XYZZY", "1", "there are DRAAD_HOST, DRAAD_LOG"),
        ("PORT", "Jan", "from 0 to 65535"),
        ("PORT", "65536", "from 0 to 65535"),
        ("PORT", "-1", "from 0 to 65535"),
        ("LOG", "Jan", "sqlite:///path"),
        ("LOG", "sqlite:///", "sqlite:///path"),
        ("HOST", "Jan en Piet", "host name"),
        ("TOKEN", LONG[1:], "at least 32"),
        ("TOKEN", LONG + " Jan", "plain characters"),
        ("PEPPER", "Jan", "at least 32"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence_that_quotes_no_value(name: str, value: str, sentence: str) -> None:
    with pytest.raises(Misconfigured) as refusal:
        Settings.from_env({f"DRAAD_{name}": value})
    assert sentence in str(refusal.value)
    assert f"DRAAD_{name}" in str(refusal.value)
    assert "Jan" not in str(refusal.value)


@pytest.mark.parametrize("port", ["0", "65535"])
def test_a_port_at_its_limits_is_taken(port: str) -> None:
    assert Settings.from_env({"DRAAD_PORT": port}).port == int(port)
