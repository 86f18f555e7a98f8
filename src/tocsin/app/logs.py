"""What the service writes about itself: one line an event on standard error."""

import logging
import sys

import structlog


def speak(level: str) -> None:
    """Set up the log of this process; `level` is the least level shown."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
