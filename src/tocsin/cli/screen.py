"""The terminal: log content is only ever shown with its control characters made visible."""

import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from tocsin.app.hunt import Progress as HuntProgress
from tocsin.model.findings import Level
from tocsin.model.text import visible

LEVEL_STYLE = {
    Level.CRITICAL: "bold white on red",
    Level.HIGH: "bold red",
    Level.MEDIUM: "yellow",
    Level.LOW: "cyan",
    Level.INFORMATIONAL: "dim",
}


SHORT = 24
"""Cells up to so many characters are never broken."""


class _Console(Console):
    """A console that leaves a closed pipe to the command line, which knows the exit codes."""

    def on_broken_pipe(self) -> None:
        """Called where the error is being handled (the original would exit with 1)."""
        raise BrokenPipeError


class Screen:
    """Writes text, tables and progress; never interprets what came out of a log."""

    def __init__(self, stream: TextIO | None = None) -> None:
        stream = stream or sys.stdout
        width = None if stream.isatty() else 10_000
        self._out = _Console(
            file=stream, width=width, highlight=False, markup=False, emoji=False, soft_wrap=True
        )
        self._err = Console(stderr=True, highlight=False, markup=False, emoji=False)

    def line(self, text: str = "", style: str = "") -> None:
        """One line of text."""
        self._out.print(Text(visible(text, 4_000), style=style))

    def short(self, text: str, style: str = "") -> None:
        """One line that is cut, not wrapped, where the terminal ends."""
        plain = Text(visible(text, 4_000), style=style)
        plain.truncate(self._out.width, overflow="ellipsis")
        self._out.print(plain)

    def paragraph(self, text: str, indent: str) -> None:
        """Running text, wrapped to the width of the terminal."""
        width = max(40, min(self._out.width, 110) - len(indent))
        for part in textwrap.wrap(visible(text, 4_000), width, break_on_hyphens=False):
            self._out.print(Text(indent + part))

    def level_line(self, level: Level, text: str, indent: str = "") -> None:
        """A line that starts with a severity as a word (color only repeats it)."""
        tag = Text(f" {level.value} ", style=LEVEL_STYLE[level])
        self._out.print(Text(indent), tag, Text(" " + visible(text, 4_000)), sep="", end="\n")

    def table(
        self, columns: list[str], rows: list[list[str]], right: frozenset[str] = frozenset()
    ) -> None:
        """Rows under headers; `right` names the columns of numbers. Long text wraps in its column.

        Not on a terminal, nothing wraps: other programs get one line per row.
        """
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            short = all(len(row[columns.index(column)]) <= SHORT for row in rows)
            table.add_column(
                column,
                justify="right" if column in right else "left",
                overflow="fold",
                no_wrap=short or not self._out.is_terminal,
            )
        for row in rows:
            table.add_row(*(Text(visible(cell, 500)) for cell in row))
        self._out.print(table, soft_wrap=False)

    @contextmanager
    def progress(self) -> Iterator["Bar"]:
        """A progress line on standard error, shown only to a person."""
        shown = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
            console=self._err,
            transient=True,
            disable=not self._err.is_terminal,
        )
        with shown:
            yield Bar(shown, shown.add_task("reading", total=1.0, rate=""))


class Bar:
    """One progress line: events, rate, findings so far and time left."""

    def __init__(self, shown: Progress, task: TaskID) -> None:
        self._shown = shown
        self._task = task

    def update(self, progress: HuntProgress) -> None:
        """Show how far the hunt is."""
        rate = progress.events / progress.seconds if progress.seconds else 0.0
        self._shown.update(
            self._task,
            completed=progress.share,
            description=f"{progress.events:,} events, {progress.findings:,} findings",
            rate=f"{rate:,.0f} events/s",
        )
