"""Who may send over HTTP: tokens, in the ways in which clients present them."""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from tocsin.collect.secrets import secret_bytes
from tocsin.settings.inputs import Token

NOBODY = "anyone"
"""The name of senders where no tokens are set: only on an address of this machine."""


class Sender(NamedTuple):
    """Somebody who may send."""

    name: str
    source_id: str | None = None
    ack: bool = False


class Senders:
    """The tokens of one listener; without any, everybody may send.

    A secret is found by its digest: how long a search takes says nothing about a secret.
    """

    def __init__(self, tokens: Iterable[Token], folder: Path) -> None:
        """Resolves the references; raises SettingsError when one leads nowhere."""
        self._known: dict[bytes, Sender] = {}
        for token in tokens:
            sender = Sender(token.name, token.source, token.ack)
            secret = secret_bytes(token.secret, folder)
            pair = token.name.encode() + b":" + secret
            for written in (secret, *map(base64.b64encode, (secret, pair))):
                self._known[_digest(written)] = sender
        self.open = not self._known
        """True where no token is needed."""

    def find(self, presented: bytes) -> Sender | None:
        """Who presents this secret, if anybody."""
        return Sender(NOBODY) if self.open else self._known.get(_digest(presented))

    def of_header(self, header: str) -> Sender | None:
        """Who sends this `Authorization` header.

        `Splunk`, `Bearer` and `ApiKey` carry the secret, `Basic` a user and the secret: the user
        is the token's name, or for Splunk's clients any.
        """
        scheme, _, value = header.partition(" ")
        value = value.strip()
        if scheme.lower() != "basic":
            return self.find(value.encode("latin-1"))
        try:
            pair = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            return None
        name, _, secret = pair.partition(b":")
        found = self.find(secret)
        known = found is not None and (self.open or name in (found.name.encode(), b"x", b"Splunk"))
        return found if known else None


def _digest(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()
