"""Privileged access becomes a window by itself."""

from hypothesis import given
from hypothesis import strategies as st
from tests.enrich.contexts import person

from tocsin.enrich.context import ContextIndex, compile_index, describe, window_of_event
from tocsin.enrich.context.checkouts import HOUR, LONGEST
from tocsin.enrich.context.values import time_of
from tocsin.model.context import FOREVER, Fact
from tocsin.model.findings import Entity

AT = time_of("2026-03-10T08:00:00Z")


def pim(**more):
    return {
        "message": "Add member to role completed (PIM activation)",
        "metadata": {"uid": "e1", "product": {"vendor_name": "Microsoft", "name": "Entra ID"}},
        "actor": {"user": {"name": "anna@corp.example"}},
        "user": {"name": "anna@corp.example"},
        "privileges": ["Global Administrator"],
        "unmapped": {
            "additionalDetails": [
                {"key": "ExpirationTime", "value": "2026-03-10T10:00:00Z"},
                {"key": "TicketNumber", "value": "INC7"},
            ]
        },
        **more,
    }


def vault(**more):
    return {
        "message": "Retrieve password",
        "metadata": {"product": {"vendor_name": "Cyber-Ark", "name": "Vault"}},
        "actor": {"user": {"name": "anna", "domain": "CORP"}},
        "user": {"name": "svc_backup", "domain": "CORP"},
        "dst_endpoint": {"hostname": "fs01"},
        **more,
    }


def test_an_activation_lasts_until_it_expires():
    record = window_of_event(pim(), AT)
    assert (record.since, record.until) == (AT, AT + 2 * HOUR)
    assert record.body.scope == ("user:anna@corp.example",)
    assert record.body.reference == "INC7"
    assert "Global Administrator" in record.body.title
    assert window_of_event(pim(unmapped={}), AT).until == AT + 8 * HOUR
    endless = {"additionalDetails": [{"key": "ExpirationTime", "value": "9999-01-01"}]}
    assert window_of_event(pim(unmapped=endless), AT).until == AT + LONGEST


def test_a_password_of_the_vault():
    record = window_of_event(vault(), AT)
    assert record.body.scope == ("user:CORP\\anna", "user:CORP\\svc_backup", "host:fs01")
    assert record.until == AT + HOUR
    assert window_of_event(vault(message="Logon"), AT) is None
    assert window_of_event(vault(message="x", metadata={"event_code": "295"}), AT) is None


def test_what_failed_or_is_something_else_opens_nothing():
    assert window_of_event(pim(status_id=2), AT) is None
    assert window_of_event(pim(message="Add member to role requested (PIM activation)"), AT) is None
    assert window_of_event(pim(user={}, actor={}), AT) is None
    assert window_of_event({}, AT) is None


def test_an_open_window_is_noted_before_any_load():
    record = window_of_event(pim(), AT)
    fact = Fact("stream", "stream", record.key, record.since, record.until, AT, record.body)
    data = compile_index([person("account:corp\\anna", "upn:anna@corp.example", until=FOREVER)])
    anna = Entity("user", "corp\\anna", "CORP\\anna")
    known = ContextIndex(data, windows=[fact])
    (note,) = describe((anna,), AT + 1, known)
    assert (note.kind, note.value) == ("window", "INC7")
    assert describe((anna,), AT + 2 * HOUR, known) == ()
    assert describe((anna,), AT + 1, ContextIndex(data)) == ()


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["user", "name", "key", "value", "product", "additionalDetails"]), inner
    ),
    max_leaves=10,
)  # fmt: skip


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(
    ("metadata", "actor", "user", "unmapped", "privileges", "dst_endpoint", "status_id"), TREES
)), st.booleans())  # fmt: skip
def test_no_content_breaks_it(event, is_pim):
    base = pim() if is_pim else vault()
    record = window_of_event({**base, **event}, AT)
    assert record is None or AT < record.until <= AT + LONGEST
