"""Read a file that says what a product's sources deliver (shipped: `sources/*_logsources.yaml`).

A file names its `product` and then either of two things, or both. `bindings` lists what is
delivered one by one. For products that route everything by a channel and an event number, `route`,
`shapes`, `services` and `categories` say the same more shortly.

`never` lists fields that rules ask for and no such record has: a rule that can fire only with one
is inactive. `known` lists all fields that the product itself writes (with `always`, which are those
of every event of a routed product): a rule that can fire only with another one is active, since a
collector may add it, and says so.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
import yaml

from tocsin.errors import ContentError
from tocsin.model.logsources import LogsourceBinding, Scalar


class _Route(msgspec.Struct, forbid_unknown_fields=True):
    channel: str
    event: str


class _Shape(msgspec.Struct, forbid_unknown_fields=True):
    fields: dict[str, list[str]] = {}
    sources: list[str] = []


class _Alternative(msgspec.Struct, forbid_unknown_fields=True):
    service: str
    events: list[Scalar]
    fields: dict[str, list[str]] = {}
    values: dict[str, dict[str, str]] = {}
    never: list[str] = []
    known: list[str] = []


class _Binding(msgspec.Struct, forbid_unknown_fields=True):
    shape: str | list[str]
    category: str = ""
    service: str = ""
    sources: list[str] = []
    conditions: dict[str, list[Scalar]] = {}
    fields: dict[str, list[str]] = {}
    values: dict[str, dict[str, str]] = {}
    never: list[str] = []
    known: list[str] = []


class _File(msgspec.Struct, forbid_unknown_fields=True):
    product: str
    route: _Route | None = None
    shapes: dict[str, _Shape] = {}
    services: dict[str, list[str]] = {}
    categories: dict[str, list[_Alternative]] = {}
    always: list[str] = []
    bindings: list[_Binding] = []


def load_logsources(where: str, data: bytes) -> tuple[LogsourceBinding, ...]:
    """The bindings of a logsource file; raises ContentError with the place of what is wrong."""
    try:
        file = msgspec.convert(yaml.safe_load(data), _File)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        message = f"not YAML: {getattr(error, 'problem', None) or error}"
        raise ContentError(f"{where}:{mark.line + 1}" if mark else where, message) from error
    except msgspec.ValidationError as error:
        raise ContentError(where, str(error)) from error
    if file.route is None and (file.services or file.categories):
        raise ContentError(where, "services and categories need a `route`")
    for name, alternatives in file.categories.items():
        for alternative in alternatives:
            if alternative.service not in file.services:
                message = f"category {name}: no service is called {alternative.service}"
                raise ContentError(where, message)
    routed = (b for name, shape in file.shapes.items() for b in _routed(file, name, shape))
    return (*routed, *_listed(file))


def _listed(file: _File) -> Iterator[LogsourceBinding]:
    for one in file.bindings:
        for shape in [one.shape] if isinstance(one.shape, str) else one.shape:
            yield LogsourceBinding(
                shape=shape,
                product=file.product,
                category=one.category,
                service=one.service,
                sources=tuple(one.sources),
                conditions={field: tuple(values) for field, values in one.conditions.items()},
                fields={field: tuple(natives) for field, natives in one.fields.items()},
                values=one.values,
                never=tuple(one.never),
                known=tuple(one.known),
            )


def _routed(file: _File, name: str, shape: _Shape) -> Iterator[LogsourceBinding]:
    route = file.route or _Route("", "")

    def binding(**more: Any) -> LogsourceBinding:
        fields = {**shape.fields, **more.pop("fields", {})}
        return LogsourceBinding(
            shape=name,
            product=file.product,
            sources=tuple(shape.sources),
            fields={field: tuple(natives) for field, natives in fields.items()},
            **more,
        )

    yield binding()
    for service, channels in file.services.items():
        yield binding(service=service, conditions={route.channel: tuple(channels)})
    for category, alternatives in file.categories.items():
        for one in alternatives:
            conditions = {
                route.channel: tuple(file.services[one.service]),
                route.event: tuple(one.events),
            }
            yield binding(
                category=category,
                conditions=conditions,
                fields=one.fields,
                values=one.values,
                never=tuple(one.never),
                known=(*file.always, *one.known) if one.known else (),
            )
