"""Evidence: a dated claim that expires, from which autonomy is earned."""

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
