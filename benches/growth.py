#!/usr/bin/env python3
"""How Loadline's cost grows: with connections, named requests, workers and the length of a run.

    python3 benches/growth.py --loadline target/release/loadline -o reports/growth.md

CPU is user + system of the whole process over the requests that nginx counted; memory is the largest resident size.
nginx has one core and the generator the other, but for the rows with two workers, which share both cores with it.
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))

import machine
import peers
from machine import measured

CONNECTIONS = [1, 16, 64, 512, 4_096, 16_384]
NAMES = [1, 10, 100, 1_000]
LENGTHS_S = [5, 20, 60]
RATES = [100, 1_000, 5_000, 20_000]


def scenario(directory, url, names):
    """A flow through so many named requests."""
    steps = "\n".join(f"      - get: /{number}\n        name: request {number}" for number in range(names))
    path = Path(directory, "named.yaml")
    path.write_text(f"name: named\ntarget: {url}\nflows:\n  - steps:\n{steps}\n")
    return str(path)


class Loadline:
    """The generator against one nginx."""

    def __init__(self, binary, nginx, directory):
        self.binary, self.nginx, self.directory = binary, nginx, directory

    def cost(self, target, *flags):
        """µs of CPU a request, requests, and the largest resident size in MiB."""
        before = self.nginx.count()
        command = [self.binary, "run", target, *flags, "--quiet", "--no-report"]
        used = measured(command, cwd=self.directory)
        requests = max(self.nginx.count() - before - 1, 1)
        machine.say(f"  {' '.join(flags)}: {used.cpu_s * 1e6 / requests:.2f} µs, {requests} requests, {used.resident_mib:.1f} MiB")
        return f"{used.cpu_s * 1e6 / requests:.2f}", f"{requests:,}", f"{used.resident_mib:.1f}"


def table(title, head, rows):
    lines = [f"## {title}\n", f"| {head} | CPU µs a request | requests | resident MiB |", "|---|---|---|---|"]
    return "\n".join(lines + [f"| {first} | " + " | ".join(rest) + " |" for first, rest in rows]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--loadline", default="target/release/loadline")
    parser.add_argument("-o", "--output", help="file for the tables, in Markdown [default: standard output]")
    arguments = parser.parse_args()
    binary = str(Path(arguments.loadline).resolve())
    machine.raise_descriptor_limit()
    machine.LONGEST_S = max(LENGTHS_S) + 60
    out = ["# How the cost grows\n", "Made by `python3 benches/growth.py` on one machine in one hour; trust the shape.\n"]
    with tempfile.TemporaryDirectory() as directory:
        nginx = peers.Nginx(directory)
        loadline = Loadline(binary, nginx, directory)
        one, short = ("--workers", "1"), ("--duration", "4s")
        try:
            rows = [(f"{n:,}", loadline.cost(nginx.plain, "--users", str(n), *one, *short)) for n in CONNECTIONS]
            out.append(table("By connections, as fast as it goes", "connections", rows))
            rows = [(f"{n:,}/s", loadline.cost(nginx.plain, "--rate", f"{n}/s", *one, *short)) for n in RATES]
            out.append(table("By arrival rate, open loop", "rate", rows))
            rows = [(f"{n:,}", loadline.cost(scenario(directory, nginx.plain, n), "--users", "64", *one, *short)) for n in NAMES]
            out.append(table("By named requests, 64 connections", "names", rows))
            rows = [(f"{n} s", loadline.cost(nginx.plain, "--rate", "5000/s", *one, "--connections", "64", "--duration", f"{n}s"))
                    for n in LENGTHS_S]
            out.append(table("By length, 5,000/s over 64 connections", "length", rows))
            machine.CLIENT_CORE = f"{machine.SERVER_CORE},{machine.CLIENT_CORE}"
            rows = [(f"{n}", loadline.cost(nginx.plain, "--users", "64", "--workers", str(n), *short)) for n in (1, 2)]
            out.append(table("By workers, on both cores, beside nginx", "workers", rows))
        finally:
            nginx.stop()
    text = "\n".join(out)
    if arguments.output:
        Path(arguments.output).write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    main()
