"""HTTP to a provider: one try each, and each failure told apart by how far it came. No error quotes what was sent."""

from typing import Any, Final

import httpx

from schemas.errors import Ambiguous, Refused, Unavailable

LATER: Final = frozenset({401, 403, 408, 429})  # A key that is ours to mend, too slow, or too often: it may pass.
BROKEN: Final = 500
UNSENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


async def posted(client: httpx.AsyncClient, provider: str, url: str, **more: Any) -> httpx.Response:  # noqa: ANN401
    """Its answer, whatever that is. Raises `Unavailable` where nothing was sent, `Ambiguous` where nobody knows."""
    try:
        return await client.post(url, **more)
    except UNSENT as error:
        raise Unavailable(f"{provider} was not reached ({type(error).__name__})") from None
    except httpx.HTTPError as error:
        raise Ambiguous(f"{provider} was reached and gave no answer ({type(error).__name__})") from None


async def downloaded(
    client: httpx.AsyncClient,
    provider: str,
    url: str,
    bytes_max: int,
    **more: Any,  # noqa: ANN401
) -> bytes:
    """A file of theirs. Raises `Unavailable` for now, and `Refused` where it is not to be had any more."""
    data = bytearray()
    try:
        async with client.stream("GET", url, **more) as answer:
            if answer.status_code in LATER or answer.status_code >= BROKEN:
                raise Unavailable(f"{provider} does not give the file now ({answer.status_code})")
            if not answer.is_success:
                raise Refused(f"{provider} does not give the file ({answer.status_code})")
            async for chunk in answer.aiter_bytes():
                data += chunk
                if len(data) > bytes_max:
                    raise Refused(f"the file is larger than {bytes_max} bytes")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unavailable(f"{provider} did not give the file ({type(error).__name__})") from None
    return bytes(data)
