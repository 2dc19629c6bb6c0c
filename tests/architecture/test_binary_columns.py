"""Every binary column is in one group of `operations.encrypted_columns`, so that key rotation forgets no encrypted one."""

from uuid import UUID

import sqlalchemy as sa

import app.model_registry  # noqa: F401  fills Base.metadata
from app.cases import sealed_parts
from app.core.db import Base
from app.messaging import recipients
from app.operations.encrypted_columns import ENCRYPTED_COLUMNS, HASHED, PUBLIC, SEALED
from app.webhooks import service as webhooks


def test_each_column_of_bytes_stands_in_exactly_one_group() -> None:
    there = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, sa.LargeBinary)
    }
    listed = [*(one.name for one in ENCRYPTED_COLUMNS), *SEALED, *HASHED, *PUBLIC]
    assert sorted(listed) == sorted(there)


def test_an_encrypted_column_reads_only_columns_of_its_table() -> None:
    for one in ENCRYPTED_COLUMNS:
        assert {*one.binding_columns, one.column, one.key} <= set(one.model.__table__.columns.keys())


def test_a_binding_is_the_one_that_the_value_was_encrypted_with() -> None:
    """Rotation and the writer of a column use the same binding; otherwise no value could be decrypted after a rotation."""
    by, one, two = {column.name: column.binding for column in ENCRYPTED_COLUMNS}, UUID(int=1), UUID(int=2)
    wrap = {"case_id": one, "purpose": "person", "kind": "team", "owner_id": two, "version": 1}
    assert by["case_wraps.ciphertext"](wrap) == sealed_parts._wrap_binding(one, "person", "team", two, 1)
    assert by["case_moves.desk_key"]({"case_id": one, "to_team_id": two}) == sealed_parts._wrap_binding(
        one, "desk", "team", two, 1
    )
    assert by["partner_notices.address"]({"organisation_id": one}) == recipients._address_binding(one)
    assert by["person_notices.how"]({"case_id": one}) == recipients._person_binding(one)
    endpoint = {"id": one, "secret_version": 3}
    assert by["webhook_endpoints.secret"](endpoint) == webhooks._secret_binding(one, 3)
    assert by["webhook_endpoints.old_secret"](endpoint) == webhooks._secret_binding(one, 2)
