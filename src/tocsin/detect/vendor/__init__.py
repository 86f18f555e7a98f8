"""Findings out of what other tools found: every alert of a source that declares `alerts`."""

from tocsin.detect.vendor.alerts import (
    CASE,
    AlertParts,
    alert_of,
    finding_of,
    sources_of_alerts,
    sources_of_alerts_only,
)

__all__ = [
    "CASE",
    "AlertParts",
    "alert_of",
    "finding_of",
    "sources_of_alerts",
    "sources_of_alerts_only",
]
