"""Where a subscriber may be: nowhere that only we can reach, however it is written and whatever a name leads to."""

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.server import HERE
from schemas.errors import Refused, Unavailable
from services.status.outside import Outside, written_well
from services.status.settings import Network
from services.status.webhook import TOLD
from tests.rooms import NOW
from tests.services.hooks.subscriber import listening, way

PUBLIC: Final = "93.184.215.14"
LOOPBACK: Final = (ip_network("127.0.0.0/8"),)


def outside(*addresses: str, inner: Sequence[Network] = ()) -> Outside:
    """Every name leads to these."""

    async def lookup(host: str, port: int) -> Sequence[str]:
        return addresses

    return Outside(inner, lookup)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "zaken.example.nl",
        "//zaken.example.nl/",
        "ftp://zaken.example.nl/",
        "file:///etc/passwd",
        "gopher://zaken.example.nl/",
        "HTTPS://zaken.example.nl/",
        "https:/zaken.example.nl",
        "https://",
        "https:///path",
        "https://?x",
        "https://jan@zaken.example.nl/",
        "https://jan:geheim@zaken.example.nl/",
        "https://zaken.example.nl@127.0.0.1/",
        "https://zaken.example.nl\\@127.0.0.1/",
        "https://zaken.example.nl/#deel",
        "https://zaken.example.nl#@127.0.0.1/",
        "https://zaken.example.nl:0/",
        "https://zaken.example.nl:/",
        "https://zaken.example.nl:65536/",
        "https://zaken.example.nl:-1/",
        "https://zaken.example.nl:8o/",
        "https://zaken.example.nl:443:443/",
        "https://zaken example.nl/",
        "https://zaken.example.nl/\n",
        "https://zaken.example.nl/\r\nX: y",
        "https://zaken.example.nl/\x00",
        "https://zaken.example.nl/é",
        "https://gemeenté.example.nl/",
        "https://zaken。example。nl/",
        "https://①②⑦.0.0.1/",
        "https://%31%32%37.0.0.1/",
        "https://zaken..example.nl/",
        "https://.example.nl/",
        "https://-zaken.example.nl/",
        "https://" + "a" * 64 + ".nl/",
        "https://" + "a." * 127 + "nl/",
        "https://zaken.example.nl/" + "a" * 500,
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://0x7f.1/",
        "https://017700000001/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://127.0.1/",
        "https://127.0.0.1./",
        "https://127.000.000.001/",
        "https://256.1.1.1/",
        "https://1.2.3.4.5/",
        "https://[::1/",
        "https://::1/",
        "https://[fe80::1%25eth0]/",
        "https://[fe80::1%eth0]/",
        "https://[127.0.0.1]/",
        "https://[zaken.example.nl]/",
        "https://[v1.fe80::1]/",
        "https://*.example.nl/",
        "https://zaken.example.nl/{id}",
        'https://zaken.example.nl/"',
    ],
)
async def test_an_address_that_can_be_read_in_two_ways_is_refused(url: str) -> None:
    with pytest.raises(Refused) as refused:
        await outside(PUBLIC).checked(url)
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize(
    "address",
    """
    127.0.0.1 127.8.8.8 0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 172.16.0.1 172.31.255.255 192.168.0.1 169.254.169.254
    169.254.0.1 100.64.0.1 100.100.100.200 100.127.255.255 192.0.0.192 192.0.2.1 192.88.99.1 198.18.0.1 198.51.100.1
    203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 168.63.129.16
    :: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1 64:ff9b::7f00:1
    64:ff9b:1::a00:1 100::1 2001::1 2001:0:7f00:1::1 2001:db8::1 2001:10::1 2002:7f00:1::1 2002:a9fe:a9fe::1
    3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fec0::1 ff02::1
    """.split(),  # noqa: SIM905  # A list of words reads better without its quotes.
)
async def test_what_only_we_can_reach_is_refused(address: str) -> None:
    """By a name that leads there, also beside a good one; and as it is."""
    literal = f"[{address}]" if ":" in address else address
    for found, url in (
        ([address], "https://zaken.example.nl/"),
        ([PUBLIC, address], "https://zaken.example.nl/"),
        ([address, PUBLIC], "https://zaken.example.nl/"),
        ([address], f"https://{literal}/"),
        ([address], f"https://{literal}:8443/x?y=z"),
    ):
        with pytest.raises(Refused):
            await outside(*found).checked(url)


@pytest.mark.parametrize("address", [PUBLIC, "1.1.1.1", "2606:4700:4700::1111", "::ffff:93.184.215.14"])
async def test_what_the_world_reaches_may_be_told_over_https_alone(address: str) -> None:
    world = outside(address)
    for url in ("https://zaken.example.nl", "https://xn--gemeent-hya.example.nl:8443/a?b=c", "https://a-b.nl/%20"):
        assert str(*await world.checked(url)) == address.removeprefix("::ffff:")
    with pytest.raises(Refused, match="https"):
        await world.checked("http://zaken.example.nl/")


async def test_a_network_of_the_municipality_may_be_told_where_it_says_so_and_over_http_too() -> None:
    inner = (ip_network("10.20.0.0/16"), ip_network("fd00:20::/32"))
    for address in ("10.20.0.5", "::ffff:10.20.0.5", "fd00:20::5"):
        for url in ("http://zaken.intern/", "https://zaken.intern/"):
            await outside(address, inner=inner).checked(url)
    for found in (["10.21.0.5"], ["10.20.0.5", "10.21.0.5"], ["fd00:21::5"]):
        with pytest.raises(Refused):
            await outside(*found, inner=inner).checked("https://zaken.intern/")
    with pytest.raises(Refused):
        await outside("10.20.0.5", PUBLIC, inner=inner).checked("http://zaken.intern/")


@given(st.ip_addresses(network="::/0") | st.ip_addresses(network="0.0.0.0/0"))
def test_no_address_that_python_calls_private_is_open(address: object) -> None:
    one = ip_address(str(address))
    if not one.is_global or one.is_multicast or one.is_reserved:
        assert not Outside().open(one)


async def test_a_name_that_is_not_there_is_refused_and_one_that_is_looked_up_for_long_is_for_later() -> None:
    with pytest.raises(Refused):
        await Outside().checked("https://nobody.invalid/")
    with pytest.raises(Refused):
        await outside().checked("https://zaken.example.nl/")
    with pytest.raises(Refused):  # As the system knows it.
        await Outside().checked("https://localhost/")

    async def hangs(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(60)
        return []

    slow = Outside((), hangs)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("services.status.outside.LOOKUP_S_MAX", 0.01)
        with pytest.raises(Unavailable):
            await slow.checked("https://zaken.example.nl/")


async def test_the_connection_goes_to_the_address_that_was_looked_at_whatever_the_name_leads_to_by_then() -> None:
    """A name that is good when it is looked at, and another a moment later, is looked up once for each connection."""
    asked = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return [HERE]  # Whatever this machine would find: the name leads nowhere at all.

    async with listening() as one, way(f"http://zaken.rebound:{one.port}/hook", Outside(LOOPBACK, rebinding)) as there:
        for _ in range(3):
            assert await there.tried({}, b"{}", NOW) == TOLD
    assert asked == ["zaken.rebound"]
    assert one.connections == 1
    assert one.heard[0].headers["host"] == f"zaken.rebound:{one.port}"


async def test_a_name_that_turns_inner_later_is_refused_then() -> None:
    addresses = [HERE]

    async def turning(host: str, port: int) -> Sequence[str]:
        return addresses

    async with listening("410 Gone") as one:
        one.more = "Connection: close\r\n"
        async with way(f"http://zaken.rebound:{one.port}/hook", Outside(LOOPBACK, turning)) as there:
            assert (await there.tried({}, b"{}", NOW)).word == "gone"
            addresses[:] = ["10.0.0.1"]
            assert (await there.tried({}, b"{}", NOW)).word == "not-open"
            addresses[:] = [HERE, "10.0.0.1"]
            assert (await there.tried({}, b"{}", NOW)).word == "not-open"
            addresses.clear()
            assert (await there.tried({}, b"{}", NOW)).word == "not-open"
    assert len(one.heard) == 1


async def test_of_several_addresses_another_is_taken_where_one_does_not_answer() -> None:
    async def two(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.2", HERE]

    async with listening() as one, way(f"http://zaken.rebound:{one.port}/hook", Outside(LOOPBACK, two)) as there:
        assert await there.tried({}, b"{}", NOW) == TOLD


def test_what_is_written_well_stays_as_it_is() -> None:
    assert written_well("https://zaken.example.nl:8443/a/b?c=d").port == 8443
