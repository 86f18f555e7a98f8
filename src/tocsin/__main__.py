"""`python -m tocsin` and the `tocsin` command."""

import sys
from types import TracebackType


def main() -> None:
    """Run the command line and leave with its exit code; after a bug with 2, as 1 is findings."""
    sys.excepthook = _leave
    from tocsin.cli import run  # noqa: PLC0415  # Ctrl-C while this loads is quiet too

    sys.exit(run(sys.argv[1:]))


def _leave(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Show a bug's traceback and end with 2 (Python itself would end with 1)."""
    if issubclass(kind, KeyboardInterrupt):
        raise SystemExit(130)
    sys.__excepthook__(kind, error, trace)
    raise SystemExit(2)


if __name__ == "__main__":
    main()
