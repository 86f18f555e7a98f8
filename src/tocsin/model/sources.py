"""What a source declares about itself: how it is recognized, identified, timed and named."""

import msgspec


class TimeSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One time field of a shape; the order of the list is the order of trust.

    `zone` is `utc` for a text that is in UTC or says its offset truthfully, and `local` for the
    host's own wall clock, whatever zone is written behind it. A local time is corrected by
    `zone_from` (two fields of the same record: one moment on the wall clock, the same in UTC),
    else by the clock known of its host, else by the source's time zone.

    `format` is `iso` (ISO 8601 and its kin), `epoch` (seconds since 1970, with or without a
    fraction), `epoch_ms`, or `rfc3164` (`Nov  3 07:15:09`; the year is that of reception).
    """

    field: str
    zone: str = "utc"
    zone_from: tuple[str, str] | None = None
    format: str = "iso"


class PatternSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a text field says, as regular expressions (RE2) with named groups.

    The first of `expressions` (name -> expression) that matches anywhere in `field` gives its
    groups as fields and its name as the field `into`. With `required`, text that none matches is
    not of this shape, unless its source was declared.
    """

    field: str
    into: str
    expressions: dict[str, str]
    required: bool = False


class ShapeSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way in which a source's records are written.

    `reader` says how a record becomes flat fields, `has` which keys a record must have (`a.b`: b
    within the object a), `where` which values (compared case-folded, `*` at either end takes
    anything; empty: any) fields must have. `aliases` maps a field name as mappings and rules use
    it to the native keys that carry it, first present first.
    """

    id: str
    reader: str
    time: tuple[TimeSpec, ...]
    has: tuple[str, ...] = ()
    where: dict[str, tuple[str, ...]] = {}
    aliases: dict[str, tuple[str, ...]] = {}
    patterns: PatternSpec | None = None


class IdentitySpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What makes a record itself.

    All of `fields` where the record has them; otherwise `position` (origin and position in it) or
    `none` (the spool position). With `dedup_window` records without those fields are the same
    record when their content is equal and their own time falls into the same so many seconds.
    """

    fields: tuple[str, ...] = ()
    otherwise: str = "position"
    dedup_window: int = 0


class ProductSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who makes what writes the records."""

    name: str
    vendor: str


class SequenceSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A number that a sender raises by one with each record: a gap is a loss.

    `number` is the field that holds it; records with equal `per` fields are counted together.
    """

    number: str
    per: tuple[str, ...] = ()


class SourceSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A source.

    `expected_every` is its longest usual silence in seconds (0: none is expected), `delay` by how
    many seconds its records usually come late at most (0: what holds for all). `owner` is whom to
    ask about it. The records of a source with `alerts` are another tool's alerts: each becomes a
    finding. A source with `checkouts` says who was given privileged access, and for how long.
    """

    id: str
    title: str
    product: ProductSpec
    transports: tuple[str, ...]
    shapes: tuple[ShapeSpec, ...]
    identity: IdentitySpec
    required: tuple[str, ...] = ()
    expected_every: int = 0
    delay: int = 0
    time_zone: str = "UTC"
    host: str = ""
    owner: str = ""
    alerts: bool = False
    checkouts: bool = False
    sequence: SequenceSpec | None = None
    where: str = ""

    def shape(self, shape_id: str) -> ShapeSpec:
        """A shape by its id; raises KeyError."""
        for shape in self.shapes:
            if shape.id == shape_id:
                return shape
        raise KeyError(shape_id)
