"""Correlation rules on event time: windows over findings of other rules.

What a window is, when it fires and what is promised about order, lateness and repeats is written
down in docs/explanation/correlations.md and decision 0013.
"""
