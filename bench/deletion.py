"""What deleting old rows costs in one table, and by months as partitions: `python -m bench.deletion URL [ROWS]`.

Makes two tables of the shape of `case_events` in a schema of their own, loads them, deletes the oldest tenth of the plain one in
batches of 1,000 as the worker does, and drops the oldest month of the other. Inserts of one row are timed before and meanwhile.
"""

import sys
import threading
import time
from statistics import median, quantiles
from typing import Any, Final

import psycopg
from psycopg import sql

BATCH: Final = 1000
MONTHS: Final = 10
_COLUMNS: Final = (
    "id uuid NOT NULL DEFAULT gen_random_uuid(), case_id uuid NOT NULL, seq int NOT NULL, verb text NOT NULL,"
    " codes jsonb NOT NULL DEFAULT '{}', at timestamptz NOT NULL"
)
_FILL: Final = (
    "INSERT INTO deletion_bench.{} (case_id, seq, verb, at)"
    " SELECT md5((n / 5)::text)::uuid, n %% 5, 'offer', timestamptz '2026-01-01' + n * interval '10 months' / %s"
    " FROM generate_series(0, %s - 1) AS n"
)


def main(url: str, rows: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS deletion_bench CASCADE")
        connection.execute("CREATE SCHEMA deletion_bench")
        try:
            _measure(connection, url, rows)
        finally:
            connection.execute("DROP SCHEMA deletion_bench CASCADE")


def _measure(connection: psycopg.Connection[Any], url: str, rows: int) -> None:
    connection.execute(f"CREATE TABLE deletion_bench.plain ({_COLUMNS}, PRIMARY KEY (id), UNIQUE (case_id, seq))")
    connection.execute(
        f"CREATE TABLE deletion_bench.parted ({_COLUMNS}, PRIMARY KEY (id, at), UNIQUE (case_id, seq, at)) PARTITION BY RANGE (at)"
    )
    for month in range(1, MONTHS + 2):
        last = f"2026-{month + 1:02}-01" if month < 12 else "2027-01-01"
        connection.execute(
            f"CREATE TABLE deletion_bench.parted_{month} PARTITION OF deletion_bench.parted FOR VALUES FROM"
            f" ('2026-{month:02}-01') TO ('{last}')"
        )
    connection.execute("CREATE INDEX ON deletion_bench.plain (at)")
    connection.execute("CREATE INDEX ON deletion_bench.parted (at)")
    for table in ("plain", "parted"):
        began = time.monotonic()
        connection.execute(sql.SQL(_FILL).format(sql.Identifier(table)), (rows, rows))
        connection.execute(f"ANALYZE deletion_bench.{table}")
        size = connection.execute(
            "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'deletion_bench' AND c.relkind = 'r' AND c.relname LIKE %s", (f"{table}%",)
        ).fetchone()  # fmt: skip
        print(
            f"{table}: {rows} rows loaded in {time.monotonic() - began:.0f} s, {(size or [0])[0] / rows:.0f} bytes a row",
            flush=True,
        )
    for table in ("plain", "parted"):
        _say(f"{table}: inserts before", _inserts(url, table, threading.Event(), most=200))
    over = threading.Event()
    meanwhile: list[float] = []
    writer = threading.Thread(target=lambda: meanwhile.extend(_inserts(url, "plain", over)))
    writer.start()
    batches = []
    for _ in range(rows // MONTHS // BATCH):
        began = time.monotonic()
        gone = connection.execute(
            "DELETE FROM deletion_bench.plain WHERE id IN (SELECT id FROM deletion_bench.plain WHERE at < %s LIMIT %s)",
            ("2026-02-01", BATCH),
        ).rowcount
        batches.append(time.monotonic() - began)
        if not gone or sum(batches) > 120:
            break
    over.set()
    writer.join()
    _say(f"plain: batches of {BATCH} ({len(batches)} of them)", batches)
    _say("plain: inserts meanwhile", meanwhile)
    began = time.monotonic()
    connection.execute("VACUUM deletion_bench.plain")
    print(f"plain: VACUUM afterwards {time.monotonic() - began:.1f} s", flush=True)
    began = time.monotonic()
    connection.execute("DROP TABLE deletion_bench.parted_1")
    print(f"parted: dropping a month of {rows // MONTHS} rows {time.monotonic() - began:.2f} s", flush=True)
    for table in ("plain", "parted"):
        found = []
        for n in range(200):
            began = time.monotonic()
            connection.execute(
                f"SELECT seq, verb, at FROM deletion_bench.{table} WHERE case_id = md5(%s::text)::uuid ORDER BY seq",
                (rows // 10 + n * 97,),
            ).fetchall()
            found.append(time.monotonic() - began)
        _say(f"{table}: the events of one case", found)


def _inserts(url: str, table: str, over: threading.Event, most: int = 100_000) -> list[float]:
    took = []
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(most):
            if over.is_set():
                break
            began = time.monotonic()
            connection.execute(
                f"INSERT INTO deletion_bench.{table} (case_id, seq, verb, at) VALUES (gen_random_uuid(), 0, 'offer', '2026-10-15')"
            )
            took.append(time.monotonic() - began)
            time.sleep(0.005)
    return took


def _say(what: str, seconds: list[float]) -> None:
    high = quantiles(seconds, n=100)[98] if len(seconds) > 1 else seconds[0]
    print(
        f"{what}: median {median(seconds) * 1000:.1f} ms, 99 % {high * 1000:.0f} ms, most {max(seconds) * 1000:.0f} ms",
        flush=True,
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10_000_000)
