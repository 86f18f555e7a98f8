"""Fuzzing: what reads bytes that somebody else chose must refuse them in words, and soon.

`python -m tests.fuzz TARGET --seconds 120` drives one target by coverage; `make proof-2` all of
them. `make test` runs every target on its seeds and on a few hundred mutations of them.
"""
