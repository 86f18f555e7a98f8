from tocsin.store.state import models
from tocsin.store.upserts import upsert


def test_a_known_row_is_replaced_grown_or_kept() -> None:
    insert = 'INSERT INTO "tocsin_counter" ("name", "labels", "value") VALUES (%s, %s, %s)'
    keys, sets = ("name", "labels"), ("value",)
    assert upsert(models.Counter, keys, sets) == (
        f'{insert} ON CONFLICT ("name", "labels") DO UPDATE SET "value" = excluded."value"'
    )
    assert upsert(models.Counter, keys, sets, add=True).endswith(
        'DO UPDATE SET "value" = "tocsin_counter"."value" + excluded."value"'
    )
    assert upsert(models.Counter, (*keys, *sets)) == f"{insert} ON CONFLICT DO NOTHING"
