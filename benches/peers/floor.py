"""What a request costs with the kernel alone, by epoll and by io_uring, interleaved.

    python3 benches/peers/floor.py [--floor target/release/examples/floor] [--rounds N] [--seconds N]
"""

import argparse
import statistics
import subprocess
import tempfile
from pathlib import Path

from machine import CLIENT_CORE, LONGEST_S, on_core
from peers import Nginx

WAYS = ("epoll", "ring", "multishot")
RATES = (0, 20_000)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--floor", type=Path, default="target/release/examples/floor")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    arguments = parser.parse_args()
    figures = {(rate, way): [] for rate in RATES for way in WAYS}
    with tempfile.TemporaryDirectory() as directory:
        nginx = Nginx(directory)
        try:
            address = nginx.plain.removeprefix("http://").rstrip("/")
            for _ in range(arguments.rounds):
                for rate, way in figures:
                    command = on_core(CLIENT_CORE, [arguments.floor, way, address, str(arguments.seconds), str(rate)])
                    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=LONGEST_S)
                    figures[rate, way].append(float(told.stdout))
        finally:
            nginx.stop()
    print("| load | way | median, CPU µs a request | minimum | maximum |\n|---|---|---|---|---|")
    for (rate, way), costs in figures.items():
        load = f"{rate:,}/s in groups" if rate else "as fast as it goes"
        print(f"| {load} | {way} | {statistics.median(costs):.2f} | {min(costs):.2f} | {max(costs):.2f} |")


if __name__ == "__main__":
    main()
