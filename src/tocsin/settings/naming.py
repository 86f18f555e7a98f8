"""What several kinds of `[[input]]` have in common."""

from typing import Annotated

from msgspec import Meta

Source = Annotated[
    str | None,
    Meta(description="The source's id; without it each record's format is recognized."),
]
Name = Annotated[
    str,
    Meta(
        pattern="^[a-z0-9][a-z0-9_.-]{0,62}$",
        description="What it is called in counts; no two inputs of the network share a name.",
    ),
]
