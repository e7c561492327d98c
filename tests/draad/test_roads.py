"""Channels come from one file. What is wrong in it is one sentence that quotes no value."""

from pathlib import Path
from typing import Any, Final

import pytest

from channels.channel import Secrets
from channels.loopback import Loopback
from draad.configured import FILE_BYTES_MAX
from draad.roads import Plan, channel_names, module_of, open_roads, read_plan
from draad.settings import Misconfigured
from tests.running import command

SECRET: Final = "s3cret-of-the-loopback"
PUBLIC: Final = 'public_url = "https://contact.example.nl/draad/"\n'
TRIAL: Final = '[loopback.trial]\nsecret = { env = "LOOPBACK_SECRET" }\n'
ENVIRON: Final = {"LOOPBACK_SECRET": SECRET}
EXAMPLE: Final = Path(__file__).parent.parent.parent / "infra" / "channels.toml"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "channels.toml"


def planned(file: Path, text: str | bytes) -> Plan:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_plan(file, ENVIRON)


async def test_a_channel_and_its_inboxes_are_opened_with_their_secrets(file: Path) -> None:
    (file.parent / "secret").write_text(f"{SECRET}\n")
    (file.parent / "deep").mkdir()
    text = PUBLIC + TRIAL + '[loopback.second]\nsecret = { file = "secret" }\nfailing = ["refused"]\n'
    plan = planned(file, text)
    assert plan.public_url == "https://contact.example.nl/draad"
    assert {inbox.secret.get_secret_value() for inbox in plan.inboxes["loopback"].values()} == {SECRET}  # type: ignore[attr-defined]
    async with open_roads(plan, Secrets(b"", b"")) as roads:
        assert isinstance(roads.channels["loopback"], Loopback)
        assert set(roads.plan.inboxes["loopback"]) == {"trial", "second"}
    assert SECRET not in repr(plan)


def test_without_a_file_there_are_no_channels() -> None:
    assert read_plan(None, {}) == Plan()
    assert Plan().origins == frozenset()


def test_our_own_site_may_open_sockets(file: Path) -> None:
    assert planned(file, PUBLIC + TRIAL).origins == {"https://contact.example.nl"}


async def test_the_example_is_whole_and_opens(tmp_path: Path) -> None:
    text = EXAMPLE.read_text()
    file = tmp_path / "channels.toml"
    plan = planned(file, text)
    async with open_roads(plan, Secrets(b"pepper", b"tokens")) as roads:
        assert set(roads.channels) == set(plan.inboxes) >= {"loopback"}


WRONG: Final[list[tuple[str, Any, str]]] = [
    ("no TOML", f"{PUBLIC}secret = {SECRET}", "is no TOML: see line 2"),
    ("no text", b"\xff\xfe", "not written in UTF-8"),
    ("no address", TRIAL, "needs public_url"),
    ("a plain address", 'public_url = "http://contact.example.nl"', "needs public_url"),
    ("an address with a query", 'public_url = "https://contact.example.nl/?s3cret"', "needs public_url"),
    ("an address that is none", 'public_url = "https://[s3cret"', "needs public_url"),
    ("a number for an address", "public_url = 1", "needs public_url"),
    ("an unknown channel", PUBLIC + TRIAL.replace("loopback", "loopbak"), "did you mean loopback?"),
    ("a channel of nobody", PUBLIC + TRIAL.replace("loopback", "s3cret"), "there is "),
    ("a channel that is none", PUBLIC + TRIAL.replace("loopback", "address"), "a channel that is not there"),
    ("no inbox", PUBLIC + "[loopback]\n", "one to 200 tables"),
    ("a value for a channel", PUBLIC + "loopback = 1\n", "one to 200 tables"),
    ("a value for an inbox", PUBLIC + "[loopback]\ntrial = 1\n", "needs tables such as"),
    ("an inbox with another name", PUBLIC + TRIAL.replace("trial", '"Tri al"'), "needs tables such as"),
    (
        "an unknown field",
        PUBLIC + TRIAL + "failin = []\n",
        "something unknown in [loopback.trial]: did you mean failing?",
    ),
    ("another unknown field", PUBLIC + TRIAL + "s3cret-of-somebody-else = 1\n", "there is secret, failing"),
    ("a field that is missing", PUBLIC + "[loopback.trial]\n", "is wrong in [loopback.trial]: secret: missing"),
    ("a field of another kind", PUBLIC + TRIAL + 'failing = "s3cret"\n', "is wrong in [loopback.trial]: failing"),
    ("a secret in plain", f'{PUBLIC}[loopback.trial]\nsecret = "{SECRET}"\n', "holds a secret, secret in"),
    ("a variable that is not set", PUBLIC + TRIAL.replace("LOOPBACK_SECRET", "S3CRET"), "a variable for secret in"),
    ("a file that is not there", PUBLIC + TRIAL.replace("env", "file"), "a file for secret in"),
    ("a file for a number", PUBLIC + "[loopback.trial]\nsecret = { file = 1 }\n", "does not say where secret in"),
    ("a file of a megabyte", b"#" * (FILE_BYTES_MAX + 1), "is larger than"),
]


@pytest.mark.parametrize(("text", "sentence"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_what_is_wrong_is_said_in_a_sentence_that_quotes_no_value(file: Path, text: Any, sentence: str) -> None:
    with pytest.raises(Misconfigured) as refusal:
        planned(file, text)
    said = str(refusal.value)
    assert sentence in said
    assert "s3cret" not in said.lower().replace("loopback_secret", "")
    assert "\n" not in said


def test_a_file_that_cannot_be_read_and_one_whose_secret_is_empty_are_told(file: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        read_plan(file, {})
    (file.parent / "empty").write_text("\n")
    with pytest.raises(Misconfigured, match="empty or too long"):
        planned(file, PUBLIC + '[loopback.trial]\nsecret = { file = "empty" }\n')


def test_a_channel_is_whatever_file_opens_one() -> None:
    assert "loopback" in channel_names()
    assert not {"address", "channel", "token"} & set(channel_names())
    for name in channel_names():
        assert hasattr(module_of(name), "Inbox"), name


def test_the_doctor_reads_the_file(file: Path) -> None:
    log = file.with_name("draad.db")
    assert "There are no channels" in command(log, "doctor", "--port", "1").stdout
    planned(file, PUBLIC + TRIAL)
    set_up = {"DRAAD_CHANNELS": str(file)}
    well = command(log, "doctor", "--port", "1", LOOPBACK_SECRET=SECRET, **set_up)
    assert "Channels: loopback (trial). Providers call https://contact.example.nl/draad/webhooks/" in well.stdout
    ill = command(log, "doctor", "--port", "1", **set_up)
    assert (ill.returncode, "WRONG  The file in DRAAD_CHANNELS" in ill.stdout) == (1, True)
    assert SECRET not in well.stdout + ill.stdout
