"""What Tocsin keeps: state (Django ORM), the event lake (Delta) and the Journal.

`State` is loaded on first use: a process that only writes the lake never pays for Django.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tocsin.store.state_store import State

__all__ = ["State"]


def __getattr__(name: str) -> Any:
    """Load `State` when it is asked for."""
    if name != "State":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tocsin.store.state_store import State  # noqa: PLC0415  # late on purpose: see above

    return State
