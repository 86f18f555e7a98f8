"""Rules and records in which every way of deciding occurs: for properties of the matcher."""

from typing import Any

from hypothesis import strategies as st
from tests.detect.sigma_rules import SYSMON, rule

from tocsin.detect.sigma.views import LONG

LONG_TEXT = "x" * LONG + "needle"

texts = st.sampled_from(
    ["a", "b.exe", "C:\\b.EXE", "needle", "", "-", "1", "10.0.0.1", LONG_TEXT, "x" * (LONG + 1)]
)
values = texts | st.sampled_from(
    [None, 1, 0, True, False, 1.0, ["a", "needle"], [], {"k": "b.exe"}]
)
fields = st.fixed_dictionaries(
    {
        "Channel": st.sampled_from(
            [SYSMON, SYSMON.lower(), "Security", "System", None, ["System"]]
        ),
        "EventID": st.sampled_from([1, "1", True, 1.0, 4688, 13, [1], None]),
    },
    optional=dict.fromkeys(("F", "Image", "NewProcessName", "User", "EventType"), values),
)


def documents() -> list[str]:
    """Twenty-four rules."""
    logsources: list[dict[str, str]] = [
        {"product": "windows", "category": "process_creation"},
        {"product": "windows", "service": "system"},
        {"product": "windows"},
        {"product": "windows", "category": "registry_set"},
    ]
    detections: list[tuple[dict[str, Any], str]] = [
        ({"a": {"Image|endswith": ".exe"}, "b": {"F|contains": "needle"}}, "a or b"),
        ({"a": {"F": None}, "b": {"User": ["1", "-"]}}, "a and not b"),
        ({"a": {"F|cidr": "10.0.0.0/8"}, "b": ["needle"]}, "a or b"),
        ({"a": {"F|fieldref": "User"}, "b": {"EventType": "1"}}, "a and not b"),
        ({"a": {"EventID": 1}, "b": ["exe"]}, "a and not b"),
        ({"a": {"EventID|gt": 1}, "b": {"F": True}}, "1 of them"),
    ]
    return [
        rule(blocks, condition, logsource=source, id=f"id-{n}-{m}")
        for n, source in enumerate(logsources)
        for m, (blocks, condition) in enumerate(detections)
    ]
