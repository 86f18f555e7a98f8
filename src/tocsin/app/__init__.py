"""The composition root: the only place where stages, content, connectors and stores meet.

parts.py     content -> compiled mappings and rules, with the plan cache
workers.py   the pool of processes that observe
hunt.py      one shot over files
edge.py      process: transports -> spool, health, metrics
core.py      process: state transactions, incidents, lake flushes
up.py        the supervisor that keeps both running
site.py      init, check, apply
clock.py     the one real clock
"""
