"""Collecting: transports, the runner that feeds the spool, and the spool itself."""
