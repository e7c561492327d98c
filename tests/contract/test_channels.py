"""What every channel with webhooks promises. A new one only adds its file, its samples and its signer."""

import base64
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import import_module
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.channel import Channel, Heard, Inbound, Secrets
from draad.roads import channel_names, module_of
from schemas import CATALOGUE
from schemas.errors import DraadError, Refused, Untrusted
from schemas.event import Envelope, fact

NOW: Final = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
URL: Final = "https://contact.example.nl"
SECRETS: Final = Secrets(b"pepper of these tests", b"tokens of these tests")
FOLDER: Final = Path(__file__).parent.parent / "samples"
HUGE: Final = 3 * 2**20
SIGNED: Final = [name for name in channel_names() if find_spec(f"tests.signers.{name}")]
SAMPLES: Final = [
    pytest.param(name, path, id=f"{name}-{path.stem}")
    for name in SIGNED
    for path in sorted((FOLDER / name).glob("*.json"))
]


def opened(name: str, given: Mapping[str, Any] | None = None) -> Channel:
    module = module_of(name)
    inbox = module.Inbox.model_validate(given or import_module(f"tests.signers.{name}").SETTINGS)
    channel: Channel = module.open_channel({"main": inbox}, SECRETS, URL)
    return channel


def inbound(
    name: str, body: bytes, *, sign: bool = True, given: Mapping[str, Any] | None = None, path: str = "", **more: Any
) -> Inbound:
    url = f"{URL}/webhooks/{name}/main{path}"
    headers = dict(more.pop("headers", {}))
    if sign:
        signer = import_module(f"tests.signers.{name}")
        headers |= signer.sign(given or signer.SETTINGS, url, body)
    return Inbound(inbox="main", url=url, headers=headers, body=body, at=NOW, **more)


def of(name: str, sample: Mapping[str, Any]) -> Inbound:
    body = base64.b64decode(sample["body_base64"]) if "body_base64" in sample else sample.get("body", "").encode()
    return inbound(
        name,
        body,
        sign=sample.get("sign", False),
        given=sample.get("settings"),
        path=sample.get("path", ""),
        headers=sample.get("headers", {}),
        method=sample.get("method", "POST"),
    )


def envelopes(heard: Heard) -> list[Envelope]:
    return [fact(told.event, key=told.key) for told in heard.facts]


@pytest.mark.parametrize(("name", "path"), SAMPLES)
def test_a_sample_is_read_as_it_says(name: str, path: Path) -> None:
    sample = json.loads(path.read_text())
    channel, request = opened(name, sample.get("settings")), of(name, sample)
    if "error" in sample:
        with pytest.raises({"Untrusted": Untrusted, "Refused": Refused}[sample["error"]]):
            channel.read(request)
        return
    heard = channel.read(request)
    found = envelopes(heard)
    assert [envelope.type for envelope in found] == [wanted["type"] for wanted in sample["facts"]]
    for envelope, wanted in zip(found, sample["facts"], strict=True):
        model = CATALOGUE[envelope.type].model_validate_json(envelope.data)
        said = json.loads(model.model_dump_json())
        for key, value in wanted.items():
            if key != "type":
                assert fitting(said[key], value) == value, key
    reply = sample.get("reply", {})
    assert heard.reply.status == reply.get("status", 200)
    assert heard.reply.body == reply.get("body", heard.reply.body)


def fitting(said: Any, wanted: Any) -> Any:
    """What was said, as far as a sample asks."""
    match said, wanted:
        case dict(), dict():
            return {key: fitting(said[key], value) for key, value in wanted.items()}
        case list(), list() if len(said) == len(wanted):
            return [fitting(a, b) for a, b in zip(said, wanted, strict=True)]
    return said


@pytest.mark.parametrize(("name", "path"), SAMPLES)
def test_the_same_bytes_are_the_same_facts_to_everybody_and_at_any_time(name: str, path: Path) -> None:
    sample = json.loads(path.read_text())
    if "error" in sample:
        return
    request = of(name, sample)
    channel = opened(name, sample.get("settings"))
    first = envelopes(channel.read(request))
    again = envelopes(channel.read(request))
    elsewhere = envelopes(opened(name, sample.get("settings")).read(request))
    assert first == again == elsewhere
    later = envelopes(channel.read(days_later(name, sample, request)))
    assert [envelope.id for envelope in later] == [envelope.id for envelope in first], "after six days as well"
    assert len({envelope.id for envelope in first}) == len(first), "no two items are one fact"


@pytest.mark.parametrize(("name", "path"), SAMPLES)
def test_nothing_personal_stands_in_a_subject_an_id_or_an_error(name: str, path: Path) -> None:
    sample = json.loads(path.read_text())
    request = of(name, sample)
    try:
        found = envelopes(opened(name, sample.get("settings")).read(request))
    except DraadError as error:
        said, found = str(error), []
        assert not any(word in said for word in re.findall(r"\w{6,}", request.body.decode(errors="replace")))
    for envelope in found:
        event = CATALOGUE[envelope.type].model_validate_json(envelope.data)
        for value in personal(event):
            assert value not in envelope.subject + envelope.id


def days_later(name: str, sample: Mapping[str, Any], request: Inbound) -> Inbound:
    """The same again after six days. Who signs the time as well, signs anew: an old signature is a replay."""
    later = request._replace(at=NOW.replace(day=29))
    signer = import_module(f"tests.signers.{name}")
    if not sample.get("sign") or "at" not in signature(signer.sign).parameters:
        return later
    anew = signer.sign(sample.get("settings") or signer.SETTINGS, request.url, request.body, at=later.at)
    return later._replace(headers={**request.headers, **anew})


def personal(event: Any) -> list[str]:
    """The direct words of an event, where they are long enough to be somebody's."""
    marked = {
        name: field.json_schema_extra
        for name, field in type(event).model_fields.items()
        if isinstance(field.json_schema_extra, dict)
    }
    direct = [name for name, extra in marked.items() if extra and extra.get("personal") in {"direct", "special"}]
    return [value for name in direct if isinstance(value := getattr(event, name), str) and len(value) > 3]


@pytest.mark.parametrize(("name", "path"), SAMPLES)
def test_one_byte_that_was_changed_is_not_believed(name: str, path: Path) -> None:
    sample = json.loads(path.read_text())
    request = of(name, sample)
    if "error" in sample or request.method != "POST":
        return
    channel = opened(name, sample.get("settings"))
    for changed in (request.body + b" ", request.body[:-1], b"x" + request.body[1:]):
        with pytest.raises(Untrusted):
            channel.read(request._replace(body=changed))
    with pytest.raises(Untrusted):
        channel.read(request._replace(headers={}))


@pytest.mark.parametrize("name", SIGNED)
def test_what_is_not_signed_is_not_believed_whatever_it_is(name: str) -> None:
    channel = opened(name)
    for body in (b"", b"{}", b"\xff\xfe", b"a=b", b"[" * 10_000, b"{" * HUGE):
        for method in ("POST", "GET"):
            with pytest.raises(Untrusted):
                channel.read(inbound(name, body, sign=False, method=method))


@pytest.mark.parametrize("name", SIGNED)
@pytest.mark.parametrize(
    "body",
    [b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000, b"\0" * 100, b"x" * HUGE, b'{"a": 1e999}', b"%00%ff=%zz"],
    ids=["no text", "deep lists", "deep objects", "nul", "huge", "infinite", "broken form"],
)
def test_garbage_that_is_signed_is_refused_or_read_but_breaks_nothing(name: str, body: bytes) -> None:
    try:
        envelopes(opened(name).read(inbound(name, body)))
    except Refused as error:
        assert "\n" not in str(error)  # noqa: PT017  # Either is right; a crash is not.


@pytest.mark.parametrize("name", SIGNED)
@settings(max_examples=60)
@given(noise=st.binary(max_size=300))
def test_noise_that_is_signed_breaks_nothing(name: str, noise: bytes) -> None:
    try:
        envelopes(opened(name).read(inbound(name, noise)))
    except Refused as error:
        assert str(error)  # noqa: PT017  # As above.


def test_every_channel_with_a_signer_has_samples() -> None:
    assert "loopback" in SIGNED
    assert all(list((FOLDER / name).glob("*.json")) for name in SIGNED)
