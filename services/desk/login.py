"""Log-in with the organisation's own accounts: OpenID Connect, authorization code with PKCE.

What must come back unchanged (state, nonce, verifier) is worked out from one signed cookie, so that no node has to
remember who is on the way. What the provider says of somebody is believed only after its signature was checked.
"""

import asyncio
import base64
import hashlib
import hmac
import re
import time
import warnings
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import httpx
import structlog
from authlib.integrations.base_client.errors import OAuthError as ClientError  # type: ignore[import-untyped]  # It has no types.
from authlib.oauth2.base import OAuth2Error  # type: ignore[import-untyped]  # It has no types.
from authlib.oidc.core import CodeIDToken  # type: ignore[import-untyped]  # It has no types.
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel, ConfigDict, SecretStr

from schemas.errors import Unavailable, Untrusted
from services.desk.door import AGENT, LEAD, made_at, signed

with warnings.catch_warnings():  # It would rather have a successor of httpx that no Python of ours runs.
    warnings.simplefilter("ignore")
    from authlib.integrations.httpx_client import AsyncOAuth2Client  # type: ignore[import-untyped]  # It has no types.

WAY_AGE_MAX: Final = timedelta(minutes=10)  # From our page to the provider and back.
ANSWER_S_MAX: Final = 5.0
ANSWER_BYTES_MAX: Final = 1_000_000
KNOWN_S_MAX: Final = 3_600.0  # Then the provider's addresses and keys are asked for again.
LEEWAY_S: Final = 60  # That its clock may differ from ours.
ROLES_MAX: Final = 1_000
ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384"]
PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,119}")
NEEDED: Final = ("authorization_endpoint", "token_endpoint", "jwks_uri")

log = structlog.get_logger("desk")


class Provider(BaseModel):
    """Where colleagues have their accounts, and how it calls those who may do what."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    issuer: str
    client_id: str
    client_secret: SecretStr
    back: str  # Where it sends them back to: /login/back of this desk.
    role_claim: str = "roles"
    agent: str = AGENT  # Its word for an agent,
    lead: str = LEAD  # and for a team lead.


class NoRole(Untrusted):
    """The provider knows them, and they have no work here."""


class Login:
    """The way to the provider and back."""

    def __init__(self, provider: Provider, key: bytes, clock: Callable[[], datetime]) -> None:
        self._provider, self._key, self._clock = provider, key, clock
        self._known: tuple[Mapping[str, Any], KeySet] | None = None
        self._until = 0.0

    @property
    def secure(self) -> bool:
        """Whether browsers come over TLS, also where a proxy takes it off."""
        return self._provider.back.startswith("https:")

    async def begin(self) -> tuple[str, str]:
        """Where to send a browser, and the cookie that it must bring back. Raises `Unavailable`."""
        told, _ = await self._provider_told()
        way = signed(self._key, "login", self._clock())
        async with self._client() as client:
            url, _ = client.create_authorization_url(
                told["authorization_endpoint"],
                state=self._of(way, "state"),
                nonce=self._of(way, "nonce"),
                code_verifier=self._of(way, "verifier"),
            )
        return str(url), way

    async def finish(self, way: str, said: Mapping[str, str]) -> tuple[str, str]:
        """Who came back, and their role. Raises `Untrusted`, `NoRole` or `Unavailable`."""
        made = made_at(self._key, "login", way)
        if made is None or self._clock() - made >= WAY_AGE_MAX:
            raise Untrusted("this log-in took too long, or began in another browser: begin again")
        if not hmac.compare_digest(said.get("state", "").encode(), self._of(way, "state").encode()):
            raise Untrusted("this answer belongs to no log-in that began here: begin again")
        if "code" not in said:
            raise Untrusted("the provider let nobody in: begin again")
        return self._believed(await self._claims(way, said["code"]))

    async def _claims(self, way: str, code: str) -> Mapping[str, Any]:
        told, keys = await self._provider_told()
        try:
            async with asyncio.timeout(ANSWER_S_MAX), self._client() as client:
                token = await client.fetch_token(
                    told["token_endpoint"],
                    code=code,
                    code_verifier=self._of(way, "verifier"),
                    grant_type="authorization_code",
                )
        except (OAuth2Error, ClientError):
            raise Untrusted("the provider did not confirm this log-in: begin again") from None
        except (httpx.HTTPError, TimeoutError, ValueError):
            raise Unavailable("the provider of accounts does not answer: try again in a minute") from None
        id_token, nonce = str(token.get("id_token", "")), self._of(way, "nonce")
        try:
            return self._checked(id_token, keys, nonce)
        except InvalidKeyIdError:
            self._known = None  # It may have a new key since we asked.
            _, keys = await self._provider_told()
        try:
            return self._checked(id_token, keys, nonce)
        except InvalidKeyIdError:
            raise Untrusted("the ID token is signed with a key that the provider does not show") from None

    def _checked(self, id_token: str, keys: KeySet, nonce: str) -> Mapping[str, Any]:
        """The claims of an ID token that is the provider's, for us, of now and of this log-in. Raises `Untrusted`.

        Raises `InvalidKeyIdError` where the provider did not show the key that signed it.
        """
        try:
            token = jwt.decode(id_token, keys, algorithms=ALGORITHMS)
        except InvalidKeyIdError:
            raise
        except (JoseError, ValueError):
            raise Untrusted("the ID token is not the provider's: begin again") from None
        provider = self._provider
        told: Mapping[str, str] = {"iss": provider.issuer, "aud": provider.client_id}
        claims = CodeIDToken(
            token.claims,
            token.header,
            {name: {"essential": True, "value": value} for name, value in told.items()},
            {"nonce": nonce, "client_id": provider.client_id},
        )
        try:
            claims.validate(now=int(self._clock().timestamp()), leeway=LEEWAY_S)
        except JoseError:
            raise Untrusted("the ID token is old, or not of this log-in: begin again") from None
        return dict(claims)

    def _believed(self, claims: Mapping[str, Any]) -> tuple[str, str]:
        given = claims.get(self._provider.role_claim)
        roles = [given] if isinstance(given, str) else given if isinstance(given, list) else []
        subject = str(claims.get("sub", ""))
        agent = subject if PLAIN.fullmatch(subject) else f"agent.{hashlib.sha256(subject.encode()).hexdigest()[:20]}"
        for role, word in ((LEAD, self._provider.lead), (AGENT, self._provider.agent)):
            if word in roles[:ROLES_MAX]:
                return agent, role
        raise NoRole("this account has no role at the desk")

    async def _provider_told(self) -> tuple[Mapping[str, Any], KeySet]:
        """What the provider tells of itself, and its keys. Raises `Unavailable`."""
        if self._known and time.monotonic() < self._until:
            return self._known
        try:
            async with httpx.AsyncClient(timeout=ANSWER_S_MAX, trust_env=False) as client:
                told = await fetched(client, f"{self._provider.issuer.rstrip('/')}/.well-known/openid-configuration")
                usable(told, self._provider.issuer)
                keys = KeySet.import_key_set(await fetched(client, told["jwks_uri"]))  # type: ignore[arg-type]  # As read.
        except (httpx.HTTPError, JoseError, ValueError, KeyError, TypeError) as error:
            log.warning("desk.login.unavailable", error=type(error).__name__)
            raise Unavailable("the provider of accounts does not answer as it should: try again in a minute") from None
        self._known, self._until = (told, keys), time.monotonic() + KNOWN_S_MAX
        return self._known

    def _client(self) -> Any:  # noqa: ANN401  # authlib has no types.
        provider = self._provider
        return AsyncOAuth2Client(
            provider.client_id,
            provider.client_secret.get_secret_value(),
            scope="openid profile",
            redirect_uri=provider.back,
            code_challenge_method="S256",
            timeout=ANSWER_S_MAX,
            trust_env=False,
        )

    def _of(self, way: str, what: str) -> str:
        digest = hmac.new(self._key, f"login {what} {way}".encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def usable(told: Mapping[str, Any], issuer: str) -> None:
    """Raises `ValueError` where somebody else tells this, or too little."""
    if told.get("issuer") != issuer or not all(isinstance(told.get(name), str) for name in NEEDED):
        raise ValueError("another issuer")


async def fetched(client: httpx.AsyncClient, url: str) -> dict[str, Any]:
    answer = await client.get(url)
    answer.raise_for_status()
    if len(answer.content) > ANSWER_BYTES_MAX:
        raise ValueError("longer than any such answer is")
    found = answer.json()
    if not isinstance(found, dict):
        raise TypeError("not an object")
    return found
