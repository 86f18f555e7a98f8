"""What sources deliver, and what that covers."""

from pathlib import Path

import pytest

from tocsin.app.coverage import coverage, delivered
from tocsin.app.site import open_site
from tocsin.content import load
from tocsin.errors import UsageError
from tocsin.normalize.folders import load_source, source_files


def test_a_mapping_tells_classes_activities_and_fields() -> None:
    _, mapping = load_source(source_files(load(None))["windows_sysmon"])
    by_class = {one.class_name: one for one in delivered(mapping)}
    launch = by_class["process_activity"]
    assert "Launch" in launch.activities
    assert {"process.cmd_line", "device.hostname"} <= set(launch.fields)
    assert "base_event" in by_class


def test_where_nothing_came_there_is_nothing_to_tell(tmp_path: Path) -> None:
    (tmp_path / "tocsin.toml").write_text('site = "x"\n')
    with pytest.raises(UsageError, match="--every"):
        coverage(open_site(tmp_path), every=False)


def test_every_source_known_covers_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "tocsin.toml").write_text('site = "x"\n')
    report = coverage(open_site(tmp_path), every=True)
    by_name = {one.source_id: one for one in report.sources}
    assert "Process Creation" in by_name["windows_sysmon"].components
    assert "Process Creation" not in by_name["okta_system_log"].components
    assert "User Account Authentication" in by_name["okta_system_log"].components
    assert report.release == ""
    assert report.techniques == report.seen == 0
    assert report.rules >= 90
    assert not report.blind_rules
