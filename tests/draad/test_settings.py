"""What can be set, and the one sentence for what is set wrongly."""

import re
from pathlib import Path

import pytest

from draad.links import fresh
from draad.many import cluster
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
        ("XYZZY", "1", "there are DRAAD_CHANNELS, DRAAD_DATABASE, DRAAD_DESK_URL, DRAAD_HOST"),
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


MANY = {
    "DRAAD_LOG": "kafka://one:9092,two:9092",
    "DRAAD_DATABASE": "postgresql://draad:geheim@db:5432/draad",
    "DRAAD_TOKEN": LONG,
    "DRAAD_PEPPER": LONG,
}


def test_many_machines_have_settings_of_their_own() -> None:
    more = {"DRAAD_REDIS": "rediss://:geheim@redis/0", "DRAAD_PREFIX": "gouda.", "DRAAD_OIN": "1" * 20}
    secure = {"DRAAD_KAFKA_USER": "draad", "DRAAD_KAFKA_PASSWORD": "geheim", "DRAAD_TOPICS_REPLICATION": "1"}
    settings = Settings.from_env({**MANY, **more, **secure})
    assert (settings.servers, settings.path, settings.prefix) == ("one:9092,two:9092", None, "gouda.")
    found = cluster(settings)
    assert found
    assert found.source == f"urn:nld:oin:{'1' * 20}:systeem:draad"
    assert found.security["sasl_plain_username"] == "draad"
    assert "geheim" not in f"{settings!r} {found!r}"


@pytest.mark.parametrize("name", ["DATABASE", "TOKEN", "PEPPER"])
def test_machines_that_share_a_log_share_the_rest_too(name: str) -> None:
    given = {each: value for each, value in MANY.items() if each != f"DRAAD_{name}"}
    with pytest.raises(Misconfigured, match=f"set DRAAD_{name} too"):
        Settings.from_env(given)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LOG", "kafka://"),
        ("LOG", "kafka://geheim@one:9092"),
        ("DATABASE", "geheim"),
        ("DATABASE", "mysql://geheim@db/draad"),
        ("DATABASE", "postgresql://geheim@db:0/draad"),
        ("DATABASE", "postgresql://geheim@db:geheim/draad"),
        ("REDIS", "http://geheim"),
        ("REDIS", "redis://"),
        ("PREFIX", "geheim/"),
        ("OIN", "geheim"),
        ("KAFKA_USER", "geheim geheim"),
        ("KAFKA_USER", "geheim"),
        ("KAFKA_PASSWORD", "geheim"),
        ("TOPICS_REPLICATION", "0"),
    ],
)
def test_what_is_wrong_on_many_machines_is_said_without_a_value(name: str, value: str) -> None:
    with pytest.raises(Misconfigured) as refusal:
        Settings.from_env({**MANY, f"DRAAD_{name}": value})
    assert f"DRAAD_{name}" in str(refusal.value)
    assert "geheim" not in str(refusal.value)


@pytest.mark.parametrize("port", ["0", "65535"])
def test_a_port_at_its_limits_is_taken(port: str) -> None:
    assert Settings.from_env({"DRAAD_PORT": port}).port == int(port)


OIDC = {"DRAAD_OIDC_ISSUER": "https://accounts.example.nl", "DRAAD_OIDC_CLIENT_ID": "draad"}


def test_accounts_need_an_issuer_a_name_and_one_secret(tmp_path: Path) -> None:
    assert (
        Settings.from_env({**OIDC, "DRAAD_OIDC_CLIENT_SECRET": "geheim"}).client_secret.get_secret_value() == "geheim"
    )
    file = tmp_path / "secret"
    settings = Settings.from_env({**OIDC, "DRAAD_OIDC_CLIENT_SECRET_FILE": str(file)})
    with pytest.raises(Misconfigured, match="DRAAD_OIDC_CLIENT_SECRET_FILE must be the path"):
        _ = settings.client_secret
    file.write_text("uit een bestand\n")
    assert settings.client_secret.get_secret_value() == "uit een bestand"
    both = {"DRAAD_OIDC_CLIENT_SECRET": "geheim", "DRAAD_OIDC_CLIENT_SECRET_FILE": str(file)}
    for part in (OIDC, {"DRAAD_OIDC_CLIENT_SECRET": "geheim"}, {**OIDC, **both}):
        with pytest.raises(Misconfigured, match="or none of them"):
            Settings.from_env(part)


@pytest.mark.parametrize(
    "url", ["http://desk.example.nl", "https://desk.example.nl/pad", "desk.example.nl", "https://"]
)
def test_nobody_logs_in_over_a_line_that_others_can_read(url: str) -> None:
    with pytest.raises(Misconfigured, match="DRAAD_DESK_URL must be https"):
        Settings.from_env({"DRAAD_DESK_URL": url})
    assert Settings.from_env({"DRAAD_DESK_URL": "http://localhost:8000"}).desk_url


@pytest.mark.parametrize(
    ("url", "told"), [("https://desk.gouda.nl", "https://desk.gouda.nl"), (None, "http://[::1]:9000")]
)
def test_a_link_leads_to_where_browsers_find_the_desk(url: str | None, told: str) -> None:
    given = {"DRAAD_PEPPER": LONG, "DRAAD_HOST": "::1", "DRAAD_PORT": "9000"}
    settings = Settings.from_env(given | ({"DRAAD_DESK_URL": url} if url else {}))
    assert re.fullmatch(f"{re.escape(told)}/open/[0-9a-f]+", fresh(settings))


def test_the_token_of_prometheus_stands_in_a_file_and_is_long_enough(tmp_path: Path) -> None:
    file = tmp_path / "metrics"
    chosen = Settings.from_env({"DRAAD_METRICS_TOKEN_FILE": str(file)})
    for text in (None, "", "short", "x" * 31, "x" * 20 + " " + "x" * 20, "\u00e9" * 40):
        if text is not None:
            file.write_text(text)
        with pytest.raises(Misconfigured, match="DRAAD_METRICS_TOKEN_FILE must be"):
            assert chosen.scraper
    file.write_text("x" * 32 + "\n")
    assert chosen.scraper == "x" * 32
    assert Settings.from_env({}).scraper == ""
