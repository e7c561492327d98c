"""What the doctor says of a Draad that runs."""

import io
import json
import urllib.request
from typing import Any, ClassVar

import pytest

from draad.doctor import reached
from draad.settings import Settings


@pytest.mark.parametrize(
    ("said", "well", "ends"),
    [
        ({"status": "ok"}, True, "and is ready."),
        ({"status": "ok", "detail": "nothing leaves by [sms.main]"}, False, "ready, but nothing leaves by [sms.main]."),
    ],
)
def test_a_road_that_rests_is_named(
    said: dict[str, Any], well: bool, ends: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Answer(io.BytesIO):
        headers: ClassVar = {"api-version": "1"}

    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: Answer(json.dumps(said).encode()))
    found = reached(Settings())
    assert (found.well, found.sentence.endswith(ends)) == (well, True)
