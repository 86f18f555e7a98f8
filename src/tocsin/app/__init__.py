"""The composition root: the only place where stages, content, connectors and stores meet.

parts.py      content -> compiled mappings and rules, with the plan cache
hunt.py       one shot over files
up.py         the supervisor; child.py: how each of its processes begins
edge.py       process: transports -> spool; health.py, metrics.py: what the outside asks
core.py       process: drives lanes (lane.py), judges batches (judging.py), tells (telling.py)
observer.py   process: spool -> findings, events -> lake; isolation.py: poison records
workers.py    the pool protocol of the processes that observe
site.py       where a site's things lie; content.py, check.py: its content
overview.py, normalizing.py   what people look at
arrow.py, clock.py, logs.py   bytes between processes, the one real clock, the log
"""
