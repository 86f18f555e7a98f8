"""Transports: one file each; the runner is handed one and knows only its port."""
