"""Behind a proxy: whom a request comes from is believed of a proxy that is trusted, and of nobody else."""

from pathlib import Path
from typing import Final

import httpx
import pytest

from draad.rates import GUESS, LIMITS
from draad.serve import seen
from draad.settings import Misconfigured, Settings
from tests.running import Running, command, running

GUESSES: Final = LIMITS[GUESS].amount
UNKNOWN, TOO_MANY = 401, 429
ONE, OTHER, FORGED = "203.0.113.7", "203.0.113.8", "198.51.100.1"


def guess(house: Running, said: str, **more: str) -> int:
    """Try a wrong token, saying for whom."""
    headers = {"Authorization": "Bearer wrong", "X-Forwarded-For": said} | more
    return httpx.get(f"{house.address}/metrics", headers=headers, trust_env=False).status_code


def refused_after(house: Running, *said: str) -> int:
    """How many guesses are heard before one is refused; what was guessed comes back slowly."""
    for n in range(GUESSES * 10):
        if guess(house, said[n % len(said)]) == TOO_MANY:
            return n
    raise AssertionError("nobody is ever refused")


def test_a_guesser_behind_a_trusted_proxy_shuts_out_nobody_else(tmp_path: Path) -> None:
    with running(tmp_path / "draad.db", DRAAD_TRUSTED_PROXIES="10.0.0.0/8, 127.0.0.1") as house:
        assert refused_after(house, ONE) >= GUESSES
        assert guess(house, OTHER) == UNKNOWN
        # What the guesser said himself stands before what the proxy saw; and a second proxy of ours is seen through.
        for said in (f"{FORGED}, {ONE}", f"{ONE}, 10.1.2.3"):
            assert refused_after(house, said) < GUESSES / 2
        plain = httpx.get(f"{house.address}/health/live", trust_env=False)
        secure = httpx.get(f"{house.address}/health/live", headers={"X-Forwarded-Proto": "https"}, trust_env=False)
        assert "strict-transport-security" not in plain.headers
        assert secure.headers["strict-transport-security"]


@pytest.mark.parametrize("trusted", [{}, {"DRAAD_TRUSTED_PROXIES": "10.0.0.0/8"}])
def test_a_forged_header_of_anybody_else_changes_nothing(tmp_path: Path, trusted: dict[str, str]) -> None:
    with running(tmp_path / "draad.db", 0, None, "run", **trusted) as house:
        assert refused_after(house, *(f"203.0.113.{n}" for n in range(250))) >= GUESSES
        forged = {"X-Forwarded-Proto": "https", "Forwarded": "for=10.0.0.1;proto=https"}
        answer = httpx.get(f"{house.address}/health/live", headers=forged, trust_env=False)
        assert "strict-transport-security" not in answer.headers


def test_a_proxy_of_ipv4_is_known_again_over_a_socket_of_ipv6() -> None:
    assert seen("10.0.0.0/8,10.1.2.3,fd00::/8") == [
        "10.0.0.0/8", "10.1.2.3/32", "fd00::/8", "::ffff:10.0.0.0/104", "::ffff:10.1.2.3/128"
    ]  # fmt: skip
    assert seen("") == []


@pytest.mark.parametrize("wrong", ["*", "10.0.0.0/33", "10.0.0.5/8", "proxy.example", "10.0.0.1 10.0.0.2"])
def test_who_is_trusted_is_an_address_and_never_everybody(wrong: str) -> None:
    with pytest.raises(Misconfigured, match="DRAAD_TRUSTED_PROXIES must be addresses or networks"):
        Settings.from_env({"DRAAD_TRUSTED_PROXIES": wrong})


def test_the_doctor_says_who_is_believed_and_what_residents_meet(tmp_path: Path) -> None:
    log, site = tmp_path / "draad.db", tmp_path / "site.toml"
    site.write_text('[branches.north]\ntitle = "Noord"\n')
    said = command(log, "doctor", "--port", "1").stdout
    assert "No proxy is believed" in said
    assert "Residents meet one branch" in said
    trusting = {"DRAAD_TRUSTED_PROXIES": "10.0.0.0/8,::1", "DRAAD_SITE": str(site)}
    said = command(log, "doctor", "--port", "1", **trusting).stdout
    assert "(X-Forwarded-For): 10.0.0.0/8,::1." in said
    assert "Branches: north." in said
    assert "Residents are told nothing." in said
    site.write_text('[notify]\norganisation = "Gemeente Voorbeeld"\n')
    ill = command(log, "doctor", "--port", "1", **trusting)
    assert (ill.returncode, "told from [email.main], which is not in the file of channels" in ill.stdout) == (1, True)
    site.write_text('[branches.north]\nzone = "Nowhere"\n')
    ill = command(log, "doctor", "--port", "1", **trusting)
    assert (ill.returncode, "WRONG  the file in DRAAD_SITE" in ill.stdout) == (1, True)
