"""A binding serves the sources it names, in its shape."""

import msgspec

from tocsin.model.logsources import LogsourceBinding


def test_a_binding_serves_its_shape_and_sources() -> None:
    every = LogsourceBinding(shape="flat", product="windows")
    one = LogsourceBinding(shape="flat", product="windows", sources=("a",))
    assert every.serves("a", "flat")
    assert every.serves("b", "flat")
    assert not every.serves("a", "evtx")
    assert one.serves("a", "flat")
    assert not one.serves("b", "flat")


def test_a_binding_survives_being_stored() -> None:
    binding = LogsourceBinding(
        shape="flat",
        product="windows",
        category="process_creation",
        conditions={"EventID": (1, "2")},
        fields={"Image": ("NewProcessName",)},
        values={"IntegrityLevel": {"S-1-16-4096": "Low"}},
    )
    data = msgspec.json.encode(binding)
    assert msgspec.json.decode(data, type=LogsourceBinding) == binding
