"""Two snapshots of a catalog, and what lies between them."""

import gzip
import json

import pytest

from tocsin.enrich.intelligence.bundle import moment
from tocsin.enrich.intelligence.kev import delta, read_kev
from tocsin.errors import InputError

JSON = {
    "dateReleased": "2026-08-25T17:00:00Z",
    "vulnerabilities": [
        {"cveID": "CVE-2026-1", "dateAdded": "2026-08-01", "knownRansomwareCampaignUse": "Unknown"},
        {"cveID": "CVE-2026-2", "dateAdded": "2026-08-02"},
    ],
}
CSV = """cveID,product,dateAdded,dueDate,knownRansomwareCampaignUse
CVE-2026-1,"a, b",2026-08-01,,Known
CVE-2026-3,c,2026-11-14,,
"""


def test_both_forms_are_read_and_compared():
    before = read_kev(json.dumps(JSON).encode())
    after = read_kev(CSV.encode())
    assert before.at == moment("2026-08-25T17:00:00Z")
    assert after.at == moment("2026-11-14")
    found = delta(before.entries, after.entries)
    assert found.added == ("CVE-2026-3",)
    assert found.removed == ("CVE-2026-2",)
    assert found.changed == ("CVE-2026-1",)


@pytest.mark.parametrize("body", [b"", b"{}", b"a,b\n1,2\n", b'{"vulnerabilities": []}', b"\xff"])
def test_what_is_no_catalog_is_refused(body):
    with pytest.raises(InputError):
        read_kev(body)


@pytest.mark.data
def test_the_public_snapshots_differ_by_what_was_added_between_their_days(shared_data):
    folder = shared_data / "intel"
    before = read_kev(gzip.decompress((folder / "kev_2025-08-25.json.gz").read_bytes()))
    later = next(folder.glob("kev_2025-11*.csv.gz"))
    after = read_kev(gzip.decompress(later.read_bytes()))
    assert len(before.entries) == 1_404
    assert before.at < after.at
    found = delta(before.entries, after.entries)
    assert len(found.added) == len(after.entries) - 1_404 + len(found.removed)
    by_name = {one.cveID: one for one in after.entries}
    assert all(moment(by_name[name].dateAdded) > before.at - 86_400_000_000 for name in found.added)
