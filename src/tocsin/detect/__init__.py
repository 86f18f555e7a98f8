"""Detectors: every one of them turns telemetry into findings and knows nothing of the others."""
