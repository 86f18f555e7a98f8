"""Hubs that a site names in `correlation/*.yaml`: what everything touches there.

Sharing one of them means nothing.

hubs:
  - dc01            # a domain controller
  - 10.0.0.5        # the vulnerability scanner
  - svc-deploy      # an account that many use
"""

from collections.abc import Iterable

from tocsin.correlate.grouping import Grouping
from tocsin.errors import ContentError
from tocsin.formats.located_yaml import load_located
from tocsin.model.content import ContentFile

FOLDER = "correlation/"

MAX_HUBS = 1_000


def load_hubs(where: str, data: bytes) -> frozenset[str]:
    """The names and keys in one file, folded to lower case.

    Raises ContentError that names the file when it is not a list of names under `hubs`.
    """
    tree = load_located(data, where).value
    names = tree.get("hubs") if isinstance(tree, dict) and set(tree) == {"hubs"} else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ContentError(where, "expected one key, `hubs`, with a list of names or addresses")
    if len(names) > MAX_HUBS:
        raise ContentError(where, f"{len(names):,} hubs; at most {MAX_HUBS:,} can be named")
    return frozenset(name.strip().lower() for name in names)


def grouping_of(files: Iterable[ContentFile]) -> Grouping:
    """How findings are grouped under this content; raises ContentError for a wrong file of hubs."""
    named = [load_hubs(one.where, one.data) for one in files if one.path.startswith(FOLDER)]
    return with_hubs(frozenset().union(*named))


def with_hubs(names: frozenset[str]) -> Grouping:
    """Grouping that knows these hubs beside those that are hubs everywhere."""
    return Grouping(hubs=Grouping().hubs | names)
