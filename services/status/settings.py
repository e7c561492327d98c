"""What a municipality allows of those who subscribe."""

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Network = IPv4Network | IPv6Network


class SubscribersSettings(BaseModel):
    """Which networks of its own may be told. Without any, only addresses that the whole world reaches."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    inner: Annotated[tuple[Network, ...], Field(max_length=50)] = ()
