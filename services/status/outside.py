"""Where an address that somebody else chose may lead: never to what only we can reach.

A name is looked up and all its addresses are looked at. Whoever connects, connects to the very addresses that were.
"""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import SplitResult, urlsplit

from schemas.errors import Refused, Unavailable
from services.status.settings import Network

Address = IPv4Address | IPv6Address
Lookup = Callable[[str, int], Awaitable[Sequence[str]]]

URL_CHARS_MAX: Final = 500
LOOKUP_S_MAX: Final = 5.0
V6: Final = 6
LOOKUPS_MAX: Final = 4  # At once: a name server that hangs holds up no other work of this process.
PORTS: Final = {"https": 443, "http": 80}
NAME: Final = re.compile(r"(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z][a-z0-9-]{0,61}[a-z0-9]")
# What the world does not reach, or not only there: private, shared, local, reserved, to many, for examples; where a
# cloud keeps secrets (168.63.129.16); where an address of IPv4 hides in one of IPv6. An older Python knows fewer.
CLOSED: Final[tuple[Network, ...]] = tuple(
    ip_network(network)
    for network in """
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 168.63.129.16/32 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24
    192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3
    2001::/23 2001:db8::/32 2002::/16 3fff::/20
    """.split()  # noqa: SIM905  # A list of words reads better without its quotes.
)
WORLD_V6: Final = ip_network("2000::/3")  # All of IPv6 that is given out.

WRONG: Final = (
    "the address is https:// and a name that the whole world knows, of at most 500 plain characters, without a user or "
    "a part after #; a name with other letters is written in its ASCII form, xn--…"
)
INNER: Final = "the address leads to a network that is not open to subscribers: [subscribers] in DRAAD_SITE says which"
PLAIN: Final = "the address has to be https: plain http goes only to networks that [subscribers] in DRAAD_SITE names"
NOT_FOUND: Final = "the name in this address is not found"


class Outside:
    """Knows which addresses may be told."""

    def __init__(self, inner: Sequence[Network] = (), lookup: Lookup | None = None) -> None:
        self._inner = inner
        self._threads = ThreadPoolExecutor(LOOKUPS_MAX, thread_name_prefix="names")
        self._lookup = lookup or self._asked

    async def checked(self, url: str) -> Sequence[Address]:
        """Addresses to connect to for it now. Raises `Refused` where it may not be told, `Unavailable` for now."""
        parts = written_well(url)
        host = parts.hostname
        assert host, "an address without a host is not well written"
        try:
            async with asyncio.timeout(LOOKUP_S_MAX):
                found = [host] if literal(host) else await self._lookup(host, parts.port or PORTS[parts.scheme])
        except TimeoutError:
            raise Unavailable("the name in this address was looked up for too long") from None
        addresses = [bare(ip_address(each)) for each in found]
        if not addresses:
            raise Refused(NOT_FOUND)
        if not all(self.open(address) for address in addresses):
            raise Refused(INNER)
        if parts.scheme == "http" and not all(self.inner(address) for address in addresses):
            raise Refused(PLAIN)
        return addresses

    def open(self, address: Address) -> bool:
        """Whether it may be told: the whole world reaches it, or the municipality says so."""
        world = address.version != V6 or address in WORLD_V6
        return self.inner(address) or (world and not any(address in network for network in CLOSED))

    def inner(self, address: Address) -> bool:
        return any(address in network for network in self._inner)

    async def _asked(self, host: str, port: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._threads, looked_up, host, port)
        except socket.gaierror as error:
            if error.errno == socket.EAI_AGAIN:
                raise Unavailable("the name in this address cannot be looked up now") from None
            raise Refused(NOT_FOUND) from None
        except (OSError, UnicodeError):
            raise Unavailable("the name in this address cannot be looked up now") from None
        return found


def looked_up(host: str, port: int) -> Sequence[str]:
    """Addresses in the order in which this machine would try them."""
    return list(dict.fromkeys(str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def bare(address: Address) -> Address:
    """Itself; or the address of IPv4 that is written as one of IPv6."""
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def written_well(url: str) -> SplitResult:
    """Its parts, if no two readers can read it differently. Raises `Refused`."""
    if len(url) > URL_CHARS_MAX or not re.fullmatch(r"https?://[!-~]+", url) or re.search(r"[\\#@\"<>^`{|}]", url):
        raise Refused(WRONG)
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        raise Refused(WRONG) from None
    if port == 0 or parts.netloc.endswith(":") or not (NAME.fullmatch(host) or literal(host)):
        raise Refused(WRONG)
    return parts


def literal(host: str) -> bool:
    """Whether it is an address as everybody writes it; not a number that some read as one."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return "%" not in host and (address.version == V6 or str(address) == host)
