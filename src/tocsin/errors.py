"""The errors Tocsin raises on purpose, split by who must act on them.

    TocsinError
    ├── UsageError         the person at the command line: a wrong argument or path
    ├── SettingsError      the operator: tocsin.toml or the environment
    ├── ContentError       the author of a rule, mapping or other content file
    ├── InputError         the sender: telemetry that cannot be read (kept as a dead letter)
    └── StorageError       the operator: disk, lock or database

A bug is never wrapped: it surfaces as the built-in exception that it is.
"""


class TocsinError(Exception):
    """Base of every error that Tocsin raises on purpose; its text is fit to show a person."""


class UsageError(TocsinError):
    """An argument cannot be used as given."""


class SettingsError(TocsinError):
    """The settings file or the environment holds something unknown or invalid."""


class ContentError(TocsinError):
    """A content file is wrong; `where` is `file:line` as far as it is known."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(f"{where}: {message}")
        self.where = where
        self.message = message


class InputError(TocsinError):
    """Telemetry cannot be read.

    `reason` is a short stable code that is counted and shown (for example `too-large`), `detail`
    says what was seen and where.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class StorageError(TocsinError):
    """The disk, a lock or a database refuses what must be durable."""
