"""Is an event valid OCSF? Asked of samples, of test data and of one event in a thousand."""

from functools import cache
from typing import Any

import jsonschema_rs
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from tocsin.normalize.ocsf import OCSF_VERSION
from tocsin.normalize.ocsf.schema import ocsf_schema

_MAX_SHOWN = 300
_OWN = "tocsin_"


@cache
def _schemas() -> OcsfJsonSchemaEmbedded:
    return OcsfJsonSchemaEmbedded(get_ocsf_schema(OCSF_VERSION))


@cache
def _validator(class_key: str, profiles: tuple[str, ...]) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(_schemas().get_class_schema(class_key, list(profiles)))


def validate(class_name: str, event: dict[str, Any]) -> list[str]:
    """What is wrong with an event, in words; empty when it is valid OCSF 1.8.0.

    Tocsin's own columns (`tocsin_*`, `ingest_day`) are not part of the event and are ignored.
    """
    profiles = tuple(sorted(event.get("metadata", {}).get("profiles", ())))
    validator = _validator(ocsf_schema().classes[class_name].key, profiles)
    body = {k: v for k, v in event.items() if not k.startswith(_OWN) and k != "ingest_day"}
    return [
        f"{'/'.join(map(str, error.instance_path)) or class_name}: {error.message[:_MAX_SHOWN]}"
        for error in validator.iter_errors(body)
    ]
