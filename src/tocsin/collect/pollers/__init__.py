"""Declared REST pollers: what to ask, how answers are paged, and how far one has come."""
