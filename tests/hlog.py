"""Reads a histogram log with the PyPI package hdrhistogram and prints what it holds as JSON."""

import json
import math
import sys
from fractions import Fraction
from urllib.parse import unquote

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

HOUR_US = 3_600_000_000
QUANTILES = {"p50_ms": "0.5", "p90_ms": "0.9", "p95_ms": "0.95", "p99_ms": "0.99", "p999_ms": "0.999", "p9999_ms": "0.9999"}


def empty():
    return HdrHistogram(1, HOUR_US, 3)


def at_quantile(histogram, q):
    """The value that a share q of all values does not exceed: nearest rank, rounded up.

    The package rounds the rank to the nearest whole number, up or down; it is given a percentile that is a rank.
    """
    count = histogram.get_total_count()
    rank = math.ceil(Fraction(q) * count)
    return histogram.get_value_at_percentile(100 * rank / count)


def figures(histogram):
    shown = {name: at_quantile(histogram, q) / 1000 for name, q in QUANTILES.items()}
    shown["max_ms"] = histogram.get_max_value() / 1000
    shown["mean_ms"] = histogram.get_mean_value() / 1000
    shown["count"] = histogram.get_total_count()
    return shown


def main(path):
    reader = HistogramLogReader(path, empty())
    everything, names, warmup = {}, {}, 0
    while (row := reader.get_next_interval_histogram()) is not None:
        name, kind = row.get_tag().split(":", 1)
        if kind.endswith(":warmup"):
            warmup += row.get_total_count() if kind == "response:warmup" else 0
            continue
        everything.setdefault(kind, empty()).add(row)
        names.setdefault(unquote(name), {}).setdefault(kind, empty()).add(row)
    json.dump(
        {
            "all": {kind: figures(h) for kind, h in everything.items()},
            "names": {name: {kind: figures(h) for kind, h in kinds.items()} for name, kinds in names.items()},
            "warmup": warmup,
        },
        sys.stdout,
    )


main(sys.argv[1])
