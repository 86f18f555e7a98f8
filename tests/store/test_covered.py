"""Which rows a legal hold covers."""

import pyarrow as pa
import pytest

from tocsin.model.holds import Hold
from tocsin.store.covered import column_at, held

ROWS = pa.Table.from_pylist(
    [
        {"device": {"hostname": "WS01.corp.example"}, "user": {"name": "CORP\\ana"}, "t": 10},
        {"device": {"hostname": "ws011"}, "user": {"name": "ana@corp.example"}, "t": 20},
        {"device": {"hostname": None}, "user": {"name": "banana"}, "t": 30},
    ]
).rename_columns(["device", "user", "tocsin_time"])
ROWS = ROWS.append_column("tocsin_source", pa.array(["okta", "okta", "zeek"]))


def hold(**conditions):
    return Hold("h1", "a claim", "maria", 1, **conditions)


@pytest.mark.parametrize(
    ("conditions", "covered"),
    [
        ({}, [True, True, True]),
        ({"entity": "ws01"}, [True, False, False]),
        ({"entity": "Ana"}, [True, True, False]),
        ({"entity": "ws01.corp.example"}, [True, False, False]),
        ({"source": "okta"}, [True, True, False]),
        ({"since": 20}, [False, True, True]),
        ({"since": 20, "until": 30}, [False, True, False]),
        ({"source": "zeek", "entity": "ana"}, [False, False, False]),
        ({"class_name": "file_activity"}, [True, True, True]),
        ({"class_name": "dns_activity"}, [False, False, False]),
    ],
)
def test_every_condition_counts(conditions, covered):
    assert held(hold(**conditions), "file_activity", ROWS).to_pylist() == covered


def test_a_column_that_a_table_lacks_names_nobody():
    assert column_at(ROWS, "device.hostname").to_pylist()[1] == "ws011"
    assert column_at(ROWS, "device.owner.name") is None
    assert column_at(ROWS, "actor.user.name") is None
    assert column_at(ROWS, "tocsin_time.x") is None
