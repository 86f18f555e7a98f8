"""What a source delivers, in the words detection rules use to say what they want."""

import msgspec

Scalar = str | int


class LogsourceBinding(msgspec.Struct, frozen=True):
    """One promise: records of these sources and shape that meet the conditions are this logsource.

    `sources` names the source ids it holds for (empty: every source that writes `shape`). A rule
    is bound when each of product, category and service that it names is promised. `conditions`
    maps a native field to the values it may have (compared case-folded); all must hold. `fields`
    maps a field name of rules to the native keys that carry it, the first present one counts; a
    name that is not listed is its own native key. `values` translates native values of a rule's
    field (for example a mandatory-label SID to `High`), keyed by the rule's field name.
    """

    shape: str
    product: str
    category: str = ""
    service: str = ""
    sources: tuple[str, ...] = ()
    conditions: dict[str, tuple[Scalar, ...]] = {}
    fields: dict[str, tuple[str, ...]] = {}
    values: dict[str, dict[str, str]] = {}

    def serves(self, source_id: str, shape: str) -> bool:
        """True when a record of this source and shape may be this logsource."""
        return shape == self.shape and (not self.sources or source_id in self.sources)
