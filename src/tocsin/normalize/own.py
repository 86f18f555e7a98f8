"""The paths of an event that Tocsin fills by itself; no mapping may set them."""

from tocsin.normalize.columns import Path

ENGINE: tuple[Path, ...] = (
    ("time",),
    ("raw_data",),
    ("unmapped",),
    ("metadata", "uid"),
    ("metadata", "logged_time"),
    ("metadata", "original_time"),
    ("metadata", "labels"),
)
"""What the normalizer fills row by row."""

ALWAYS: tuple[Path, ...] = (
    ("time",),
    ("raw_data",),
    ("metadata", "uid"),
    ("metadata", "logged_time"),
)
"""Those of them that every row has."""

PROFILES: Path = ("metadata", "profiles")

RESERVED: frozenset[Path] = frozenset(
    {
        *ENGINE,
        PROFILES,
        ("class_uid",),
        ("class_name",),
        ("category_uid",),
        ("category_name",),
        ("type_uid",),
        ("type_name",),
        ("activity_name",),
        ("metadata", "version"),
        ("metadata", "product", "name"),
        ("metadata", "product", "vendor_name"),
    }
)
"""All of them."""
