"""100 million rows of Parquet to an hourly series: Loadline beside DuckDB, in turns, on one machine.

    python3 -m venv v && v/bin/pip install duckdb
    v/bin/python benches/parquet.py [ROWS] [ROUNDS]

Each runs in a process of its own; seconds are those of the work without the start of the process, memory is the most
that the process held. The hours' sums of both have to agree. The file goes to a temporary folder and is removed.
"""

import os
import statistics
import subprocess
import sys
import tempfile

ROWS = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000_000
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 5
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")

# 180 days, about six rows a second, in the order of time; values with noise, two digits after the point.
MAKE = """
import duckdb, sys
duckdb.sql(f'''COPY (SELECT make_timestamp(1767225600000000 + i * {gap_us}) AS time,
    round(1000 + 300 * sin(i * 6.2831853 * 180 / {rows}) + 100 * random(), 2) AS value FROM range({rows}) t(i))
    TO '{path}' (FORMAT parquet, COMPRESSION {codec})''')
"""
DUCKDB = """
import duckdb, resource, time
began = time.perf_counter()
rows = duckdb.sql("SELECT date_trunc('hour', time) AS hour, avg(value) FROM '{path}' GROUP BY hour ORDER BY hour").fetchall()
seconds = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(f"{{seconds:.3f}} s, {{peak}} MiB, 1 series, sum {{sum(r[1] for r in rows)}}")
"""


def run(command, **env):
    done = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, cwd=ROOT)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return done.stdout.strip().splitlines()[-1]


def seconds(line):
    return float(line.split(" s,")[0])


with tempfile.TemporaryDirectory() as folder:
    bench = os.environ.get("LOADLINE_BENCH")
    loadline = [bench] if bench else "cargo bench -q -p loadline-benches --bench ingest".split()
    for codec in ("zstd", "snappy"):
        path = os.path.join(folder, f"{codec}.parquet")
        run([sys.executable, "-c", MAKE.format(rows=ROWS, gap_us=180 * 86_400_000_000 // ROWS, path=path, codec=codec)])
        print(f"{codec}: {ROWS} rows, {os.path.getsize(path) >> 20} MiB")
        taken = {"duckdb": [], "loadline": []}
        for _ in range(ROUNDS):
            for name, line in (
                ("duckdb", run([sys.executable, "-c", DUCKDB.format(path=path)])),
                ("loadline", run(loadline, LOADLINE_PARQUET=path)),
            ):
                taken[name].append(seconds(line))
                print(f"  {name:8} {line}")
        medians = {name: statistics.median(all_) for name, all_ in taken.items()}
        print(f"  medians {medians}: ratio {medians['loadline'] / medians['duckdb']:.2f}")
        os.remove(path)
