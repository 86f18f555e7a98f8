"""What can happen to a call, split by what may be done next.

ConnectorError
├── NotSent     nothing left this machine: it may be tried again
├── Unknown     it was sent, and nobody knows what it did: read back before anything else
├── Busy        the other side did nothing and says when to come again
├── Stale       it has changed there since it was read: read again, then decide again
├── Denied      credentials or rights are wrong: a person must act
└── Refused     the other side will not do this, however often it is asked
"""

from tocsin.errors import TocsinError


class ConnectorError(TocsinError):
    """A call that did not do what was asked; its text names the system and holds no secret."""


class NotSent(ConnectorError):
    """Nothing was sent."""


class Unknown(ConnectorError):
    """Something was sent and no usable answer came."""


class Busy(ConnectorError):
    """The other side is busy; `after` is in how many seconds it may be asked again."""

    def __init__(self, text: str, after: float) -> None:
        super().__init__(text)
        self.after = after


class Stale(ConnectorError):
    """The object has another version by now."""


class Denied(ConnectorError):
    """Not authenticated, or not allowed."""


class Refused(ConnectorError):
    """The request itself is refused."""
