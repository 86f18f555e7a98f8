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

    `never` are fields of rules that no such record has. `known`, where it is not empty, are with
    those of `fields` all that the product writes; a collector may add others.
    """

    shape: str
    product: str
    category: str = ""
    service: str = ""
    sources: tuple[str, ...] = ()
    conditions: dict[str, tuple[Scalar, ...]] = {}
    fields: dict[str, tuple[str, ...]] = {}
    values: dict[str, dict[str, str]] = {}
    never: tuple[str, ...] = ()
    known: tuple[str, ...] = ()

    def serves(self, source_id: str, shape: str) -> bool:
        """True when a record of this source and shape may be this logsource."""
        return shape == self.shape and (not self.sources or source_id in self.sources)

    def lacks(self, field: str) -> bool:
        """True when no such record has this field of rules."""
        return field in self.never

    def expects(self, field: str) -> bool:
        """False when such a record has this field of rules only if a collector added it."""
        known = not self.known or field in self.known or field in self.fields
        return known and field not in self.never
