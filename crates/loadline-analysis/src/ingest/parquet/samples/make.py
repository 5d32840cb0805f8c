"""Makes the Parquet files of the tests: python3 make.py (needs duckdb and pyarrow). All hold hourly values 0.5, 1.5, …"""
import datetime
import decimal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

START = 1767225600  # 2026-01-01T00:00:00Z
HOURS = range(48)
UTC = datetime.timezone.utc
instants = [datetime.datetime.fromtimestamp(START + 3600 * h, UTC) for h in HOURS]
values = [h + 0.5 for h in HOURS]


def write(name, columns, **options):
    pq.write_table(pa.table(columns), f"{name}.parquet", **options)


# Row groups of 10 rows, a missing value, a column that is not needed.
write(
    "zstd_groups",
    {
        "note": ["x"] * 48,
        "time": pa.array(instants, pa.timestamp("us", tz="UTC")),
        "value": pa.array([None if h == 5 else v for h, v in zip(HOURS, values)], pa.float64()),
    },
    compression="zstd",
    row_group_size=10,
)
write(
    "gzip_epoch_ms_f32",
    {"ts": pa.array([1000 * (START + 3600 * h) for h in HOURS], pa.int64()), "demand": pa.array(values, pa.float32())},
    compression="gzip",
)
write(
    "lz4_text_decimal",
    {
        "time": [t.isoformat() for t in instants],
        "value": pa.array([decimal.Decimal(str(v)) for v in values], pa.decimal128(9, 2)),
    },
    compression="lz4",
    data_page_version="2.0",
)
write(
    "plain_wall_clock",
    {"time": pa.array([t.replace(tzinfo=None) for t in instants], pa.timestamp("ns")), "value": values},
    compression="none",
    use_dictionary=False,
)
write("days", {"day": pa.array([t.date() for t in instants[::24]] * 2 + [datetime.date(2026, 1, 3)]), "value": pa.array([1, 2, 3, 4, 5], pa.int32())})
write("steps", {"step": pa.array(HOURS, pa.int32()), "value": pa.array([2 * h + 1 for h in HOURS], pa.uint16())})
write("infinite", {"time": pa.array(HOURS, pa.int64()), "value": [float("inf") if h == 30 else v for h, v in zip(HOURS, values)]})
write("texts", {"time": pa.array(HOURS, pa.int64()), "value": ["7" if h != 20 else "many" for h in HOURS]})
write("lists", {"time": pa.array(HOURS, pa.int64()), "value": [[1.0]] * 48})
write("empty", {"time": pa.array([], pa.int64()), "value": pa.array([], pa.float64())})
write("times_missing", {"time": pa.array([None if h == 9 else h for h in HOURS], pa.int64()), "value": values})
write("mixed_times", {"time": pa.array([START if h == 9 else h for h in HOURS], pa.int64()), "value": values})

# Two series whose rows take turns, in DuckDB's own writing.
duckdb.sql(
    f"""COPY (SELECT epoch_ms({START}000 + 3600000 * (i // 2)) AS time, i % 2 AS odd,
                    CASE i % 2 WHEN 0 THEN 'even' ELSE 'odd' END AS series, (i // 2)::BIGINT AS value
              FROM range(96) t(i)) TO 'two_series.parquet' (FORMAT parquet, COMPRESSION snappy)"""
)
