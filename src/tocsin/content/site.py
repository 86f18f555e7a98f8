"""The site's own folder: make it, and notice what is misplaced in it."""

import difflib
from itertools import groupby
from pathlib import Path

from tocsin import settings
from tocsin.content.overlay import FOLDERS
from tocsin.errors import UsageError
from tocsin.model.content import Problem

_HEAD = """\
# Settings of this site. Everything below is the default: remove the `#` to change it.
# The environment overrides the file: TOCSIN_HTTP__PORT=9000 sets `port` of [http].
"""

_README = """\
# Our Tocsin site

`tocsin.toml` holds the settings. The folders hold our own content; a file at the same path, or with
the same id, as one that ships with Tocsin takes its place.

- `sources/` one folder for each kind of log that Tocsin does not know yet
- `rules/` our detection rules, in Sigma's format; `rules/staged.txt` lists those on trial
- `pollers/` how REST interfaces are asked for records that Tocsin does not ask yet
- `attack/` what releases of ATT&CK renamed, as far as their bundles do not say it
- `exceptions/` what we have decided not to be told of, why, and until when

Try a change with `tocsin check`, put it to work with `tocsin apply`. Keep this folder in git.
"""


def init_site(folder: Path) -> list[Path]:
    """Make a site folder and return the files written.

    Raises UsageError when `folder` is a site already or cannot be made.
    """
    if (folder / settings.FILE).exists():
        raise UsageError(f"{folder} is a site already: it has a {settings.FILE}")
    texts = {
        settings.FILE: template(),
        "README.md": _README,
        ".gitignore": "# State, spool and lake of this machine.\n/data/\n",
        **{f"{name}/.gitkeep": "" for name in FOLDERS},
    }
    written = []
    try:
        for name, text in texts.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                path.write_text(text, encoding="utf-8")
                written.append(path)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error.strerror}") from None
    return written


def template() -> str:
    """A tocsin.toml with every setting as a comment."""
    parts = [_HEAD]
    sections = groupby(settings.catalog(), key=lambda entry: (entry.section, entry.within))
    for (section, _), entries in sections:
        lines = [f"# [{section}]"] if section else []
        for entry in entries:
            default = entry.default or _example(entry.kind)
            written = f"{entry.key} = {default}"
            lines.append(f"# {written:<28}# {entry.text}")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _example(kind: str) -> str:
    """What stands for a value that a site must choose: the first choice, where there are some."""
    if kind == "secret":
        return '"env:NAME"'
    if kind.startswith("list of "):
        return f"[{_example(kind.removeprefix('list of '))}]"
    return kind.partition(" | ")[0] if kind.startswith('"') else '"..."'


def strays(folder: Path) -> list[Problem]:
    """Folders whose name is nearly one of the known ones: their files would not be read."""
    found = []
    for path in sorted(folder.iterdir()):
        near = difflib.get_close_matches(path.name.lower(), FOLDERS, n=1, cutoff=0.7)
        if path.is_dir() and near and path.name not in FOLDERS:
            text = f"this folder is not read; is {near[0]}/ meant?"
            found.append(Problem(f"site/{path.name}", text, "warning"))
    return found
