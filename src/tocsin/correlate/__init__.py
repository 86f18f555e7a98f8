"""Findings become incidents: what they share, how they group, and the story they tell."""
