"""The numbers that Prometheus reads; counters start at zero with the process."""

from prometheus_client import Counter, Gauge

events = Counter("tocsin_events_judged", "Records judged, by spool partition", ["partition"])
findings = Counter("tocsin_findings", "Findings stored for the first time")
incidents = Counter("tocsin_incidents", "Incidents opened")
rejects = Counter("tocsin_dead_letters", "Records kept as dead letters")
late = Counter(
    "tocsin_late",
    "Findings that correlation could not use as it should, by what befell them",
    ["what"],
)
records = Gauge(
    "tocsin_source_records",
    "Records of a source by where they are, since the state was made",
    ["source", "place"],
    multiprocess_mode="mostrecent",
)
duplicates = Counter("tocsin_duplicates", "Events delivered again by their source")
judge_seconds = Counter("tocsin_judge_seconds", "Time spent in state transactions")
restarts = Counter("tocsin_starts", "Starts of a process of the service", ["part"])

received = Counter("tocsin_received_records", "Records made durable in the spool", ["partition"])
received_bytes = Counter("tocsin_received_bytes", "Bytes of those records", ["partition"])

waiting_for_lake = Gauge(
    "tocsin_waiting_for_lake", "Events judged but not yet in the lake", ["partition"],
    multiprocess_mode="mostrecent",
)  # fmt: skip
spool_bytes = Gauge(
    "tocsin_spool_bytes", "Bytes of the spool on disk", multiprocess_mode="mostrecent"
)
refused = Counter(
    "tocsin_refused_records", "Records and files refused by their reader", ["partition", "reason"]
)
standing_still = Gauge(
    "tocsin_reading_stands_still",
    "1 while the spool or the disk is full",
    ["partition"],
    multiprocess_mode="mostrecent",
)
lost = Counter(
    "tocsin_lost_records",
    "What senders gave and could not be taken, by input and by what befell it",
    ["input", "what"],
)
received_by_input = Counter(
    "tocsin_input_records", "Records made durable in the spool, by input", ["input"]
)
fetch_failures = Counter(
    "tocsin_fetch_failures",
    "Times that an input could not be asked for records, by input and reason",
    ["input", "reason"],
)
fetch_failing = Gauge(
    "tocsin_fetch_failing",
    "1 while an input cannot be asked for records",
    ["input"],
    multiprocess_mode="mostrecent",
)
