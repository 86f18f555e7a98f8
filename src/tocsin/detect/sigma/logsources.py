"""Read a file that says what a product's sources deliver (shipped: windows_logsources.yaml)."""

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


class _File(msgspec.Struct, forbid_unknown_fields=True):
    product: str
    route: _Route
    shapes: dict[str, _Shape]
    services: dict[str, list[str]]
    categories: dict[str, list[_Alternative]]


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
    for name, alternatives in file.categories.items():
        for alternative in alternatives:
            if alternative.service not in file.services:
                message = f"category {name}: no service is called {alternative.service}"
                raise ContentError(where, message)
    return tuple(
        binding for name, shape in file.shapes.items() for binding in _bindings(file, name, shape)
    )


def _bindings(file: _File, name: str, shape: _Shape) -> Iterator[LogsourceBinding]:
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
        yield binding(service=service, conditions={file.route.channel: tuple(channels)})
    for category, alternatives in file.categories.items():
        for one in alternatives:
            conditions = {
                file.route.channel: tuple(file.services[one.service]),
                file.route.event: tuple(one.events),
            }
            yield binding(
                category=category, conditions=conditions, fields=one.fields, values=one.values
            )
