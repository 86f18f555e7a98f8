"""Quality of telemetry: count it in observe, add it up per source, judge what it is fit for."""

from tocsin.normalize.quality.measure import Meter

__all__ = ["Meter"]
