"""What the handbook tells operators to write is what is read."""

import re
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Final

import pytest
from pydantic import BaseModel

from channels.phone import Inbox as PhoneInbox
from channels.sms import Inbox as SmsInbox
from draad.roads import read_plan

DOCS: Final = Path(__file__).parents[2] / "docs/channels"
MODELS: Final[Mapping[str, type[BaseModel]]] = {"phone": PhoneInbox, "sms": SmsInbox}
ENVIRON: Final = {
    "TWILIO_AUTH_TOKEN": "made up for this test",
    "EXCHANGE_SECRET": "whsec_YSBzaWduaW5nIHNlY3JldCBvZiAyNCBieXRlcyBvciBtb3Jl",
}


def tables(name: str, folder: Path) -> Path:
    blocks = re.findall(r"^ *```toml\n(.*?)^ *```", (DOCS / f"{name}.md").read_text(), re.DOTALL | re.MULTILINE)
    assert blocks
    path = folder / "channels.toml"
    path.write_text('public_url = "https://contact.example.nl"\n' + "\n".join(dedent(block) for block in blocks))
    return path


def test_the_tables_for_telephones_are_read(tmp_path: Path) -> None:
    inboxes = read_plan(tables("phone", tmp_path), ENVIRON).inboxes["phone"]
    main, exchange = inboxes["main"], inboxes["exchange"]
    assert isinstance(main, PhoneInbox)
    assert isinstance(exchange, PhoneInbox)
    assert main.targets[main.connect].queue == "front"
    assert [key.get_secret_value() for key in main.auth_tokens] == [ENVIRON["TWILIO_AUTH_TOKEN"]]
    assert len(exchange.signing_secrets) == 1


def test_the_table_for_sms_is_read(tmp_path: Path) -> None:
    main = read_plan(tables("sms", tmp_path), ENVIRON).inboxes["sms"]["main"]
    assert isinstance(main, SmsInbox)
    assert main.sender == "+3197010240000"


@pytest.mark.parametrize("name", ["phone", "sms"])
def test_every_word_of_a_settings_table_is_explained_or_shown(name: str) -> None:
    text = (DOCS / f"{name}.md").read_text()
    fields = MODELS[name].model_fields
    quiet = {"language", "ring_s_max", "api_url"}  # Which nobody needs to begin with.
    assert [field for field in fields if field not in text and field not in quiet] == []
