"""How a call says who makes it. Secrets are resolved when a call is made, and held no longer."""

from base64 import b64encode
from collections.abc import Callable, Mapping

from tocsin.connectors.errors import Denied
from tocsin.connectors.gateway import Gateway, Headers

SecretText = Callable[[], str]
"""Gives the secret itself, at call time."""

EARLY = 60.0
"""Seconds before its end at which a token is replaced."""


def bearer(secret: SecretText, word: str = "Bearer") -> Headers:
    """A token that the site holds; `word` is the scheme (`ApiKey` at Elastic)."""
    return lambda: {"Authorization": f"{word} {secret()}"}


def basic(user: str, secret: SecretText) -> Headers:
    """A user and a password (RFC 7617)."""

    def headers() -> Mapping[str, str]:
        return {"Authorization": "Basic " + b64encode(f"{user}:{secret()}".encode()).decode()}

    return headers


class ClientCredentials:
    """OAuth 2.0 client credentials (RFC 6749, section 4.4): a token that is kept until its end.

    `monotonic` gives seconds that never jump.
    """

    def __init__(
        self,
        token_gateway: Gateway,
        path: str,
        client: str,
        secret: SecretText,
        scope: str,
        monotonic: Callable[[], float],
    ) -> None:
        self._gateway = token_gateway
        self._path = path
        self._client = client
        self._secret = secret
        self._scope = scope
        self._monotonic = monotonic
        self._token = ""
        self._until = 0.0

    def __call__(self) -> Mapping[str, str]:
        """The header, with a fresh token where the old one is near its end."""
        if self._monotonic() >= self._until:
            self._fetch()
        return {"Authorization": f"Bearer {self._token}"}

    def _fetch(self) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client,
            "client_secret": self._secret(),
            "scope": self._scope,
        }
        answer = self._gateway.read("POST", self._path, data=form).json()
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not token:
            raise Denied("the token endpoint gave no token")
        lasts = answer.get("expires_in")
        self._token = token
        self._until = self._monotonic() + (lasts if isinstance(lasts, int) else 0) - EARLY
