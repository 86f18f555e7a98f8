"""A mapping proposed from samples: what each field may be in OCSF, how surely, and why.

Nothing here decides for a person: what scores below `THRESHOLD` is only ever written as a comment.
"""

from tocsin.normalize.propose.knowledge import Knowledge, learn
from tocsin.normalize.propose.source import Proposal, propose
from tocsin.normalize.propose.suggest import THRESHOLD
from tocsin.normalize.propose.values import Statistics, statistics

__all__ = ["THRESHOLD", "Knowledge", "Proposal", "Statistics", "learn", "propose", "statistics"]
