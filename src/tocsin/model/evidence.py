"""Evidence: a dated claim that expires, from which autonomy is earned."""

from collections.abc import Iterable, Mapping
from hashlib import sha256

import msgspec


class Evidence(msgspec.Struct, frozen=True):
    """One dated claim about a subject. Times are microseconds UTC.

    `kind` names what is claimed (readiness, calibration, replay, rehearsal, training, baseline),
    `subject` about what, `method` how it was found, `digest` binds the claims, `issuer` is the
    part of Tocsin or the person who stands for it.
    """

    kind: str
    subject: str
    claims: dict[str, msgspec.Raw | str | int | float | bool]
    method: str
    issued: int
    expires: int
    issuer: str
    digest: str
    revoked: int | None = None

    def valid_at(self, now: int) -> bool:
        """True while the claim is issued, not expired and not revoked."""
        if self.revoked is not None and self.revoked <= now:
            return False
        return self.issued <= now < self.expires


READINESS = "readiness"
OVERRIDE = "readiness-override"
"""Kinds of evidence about a source and a use."""


def digest_of(kind: str, subject: str, claims: Mapping[str, object], issued: int) -> str:
    """What binds claims to their kind, subject and time: SHA-256 over their canonical JSON."""
    body = msgspec.json.encode([kind, subject, issued, claims], order="deterministic")
    return sha256(body).hexdigest()


def latest(evidence: Iterable[Evidence], now: int) -> Evidence | None:
    """The newest claim that is valid; None when there is none."""
    return max(
        (one for one in evidence if one.valid_at(now)), key=lambda one: one.issued, default=None
    )
