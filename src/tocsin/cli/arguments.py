"""Kinds of arguments that several commands take."""

from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

Json = Annotated[bool, Parameter(name="--json", negative="")]
"""Print JSON instead of text."""

Flag = Annotated[bool, Parameter(negative="")]
"""A switch without a `--no-` form."""

Count = Annotated[int, Parameter(validator=Number(gte=1))]
"""How many to show: at least one."""
