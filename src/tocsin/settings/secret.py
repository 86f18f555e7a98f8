"""References to secrets, which are what settings hold instead of secrets."""


class Secret:
    """A reference to a secret, `env:NAME` or `file:/path`; never the secret itself.

    It has no serializer, and printing it shows nothing. The reference is resolved where the secret
    is used.
    """

    __slots__ = ("_reference",)

    def __init__(self, reference: str) -> None:
        kind, _, name = reference.partition(":")
        if kind not in ("env", "file") or not name:
            raise ValueError("a secret is a reference: env:NAME or file:/path")
        self._reference = reference

    def reference(self) -> tuple[str, str]:
        """Kind (`env` or `file`) and name of the place that holds the secret."""
        kind, _, name = self._reference.partition(":")
        return kind, name
