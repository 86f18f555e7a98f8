"""OCSF 1.8.0: what its classes hold, how they lie in the lake, and whether an event is valid."""

OCSF_VERSION = "1.8.0"
