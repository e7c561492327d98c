"""Our subscription at the Notificaties API: made where there is none, and else set as it should be."""

from typing import Any, Final

from schemas.errors import Refused
from services.zaken.door import CHANNEL
from services.zaken.register import Register

PLACE: Final = "abonnement"


async def subscribe(register: Register) -> bool:
    """True if it is new. Raises as `Register.one` does.

    The other side tries our door meanwhile, without and with the token: Draad has to be running there.
    """
    settings = register.settings
    home = f"{settings.notificaties_url}{PLACE}"
    body = {
        "callbackUrl": settings.callback_url,
        "auth": f"Bearer {settings.callback_token.get_secret_value()}",
        "kanalen": [{"naam": CHANNEL, "filters": {}}],
    }
    ours = await subscribed(register)
    if ours:
        await register.ask("PUT", f"{home}/{ours}", json=body)
    else:
        await register.ask("POST", home, json=body)
    return not ours


async def subscribed(register: Register) -> str:
    """The id of our subscription; empty where there is none."""
    home = f"{register.settings.notificaties_url}{PLACE}"
    listed: Any = await register.ask("GET", home)
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise Refused("the Notificaties API gives no list of subscriptions")
    named = (one.get("url") for one in listed if one.get("callbackUrl") == register.settings.callback_url)
    return next((str(url).rstrip("/").rpartition("/")[2] for url in named if isinstance(url, str)), "")
