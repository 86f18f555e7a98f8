"""The lab: a simulated enterprise that writes native-format logs, with the ground truth apart.

`write_history` writes a stretch of time as fast as it can, `live` keeps writing as time passes.
Both run the same generator: the same seed and start give the same bytes.
"""

from tocsin.lab.alerts import write_alerts
from tocsin.lab.enterprise import CAMPAIGNS, SOURCES, TYPICAL, Enterprise
from tocsin.lab.simulate import Stop, Written, live, write_history

__all__ = [
    "CAMPAIGNS",
    "SOURCES",
    "TYPICAL",
    "Enterprise",
    "Stop",
    "Written",
    "live",
    "write_alerts",
    "write_history",
]
