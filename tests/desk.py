"""An agent at the desk, in a browser."""

from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import Page, expect

from tests.running import Running


def state(page: Page, name: str) -> None:
    """Wait until the page says so of its connection: live, lost or out."""
    expect(page.locator("#verbinding")).to_have_attribute("data-state", name)


def enter(page: Page, house: Running, link: str = "") -> None:
    """Come in through the door."""
    page.goto(link or house.link)
    page.get_by_role("button", name="Open het bureau").click()
    state(page, "live")


def visit(page: Page, house: Running, path: str) -> None:
    page.goto(f"{house.address}{path}")
    state(page, "live")


def ago(hours: float) -> str:
    return (datetime.now(UTC) - timedelta(hours=hours)).isoformat()


def arrives(  # noqa: PLR0913, PLR0917  # A contact is all of this.
    house: Running, channel: str, kind: str, value: str, text: str, hours: float = 0.0
) -> dict[str, Any]:
    body = {"channel": channel, "text": text, "at": ago(hours), "address": {"kind": kind, "value": value}}
    answer = house.post(f"{channel} {text[:40]}".encode().hex(), body)
    assert answer.status_code == 201
    return dict(answer.json())


def mailed(page: Page, house: Running, text: str) -> str:
    """A mail comes in, and its thread is open; returns where."""
    sent = arrives(house, "email", "email", "jan@example.nl", text)
    page.goto(f"{house.address}/threads/address/{sent['address_id']}")
    state(page, "live")
    expect(page.locator("#verhaal")).to_contain_text(text)
    return page.url
