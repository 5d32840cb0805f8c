#!/usr/bin/env python3
"""Duels of two known services while another process burns CPU in bursts: how often a difference is found, and how
often one is made up.

    tests/by_hand/duels.py target/release/loadline [TRIALS [AT_ONCE]]

Half of the duels are of services with a median of 5.0 ms and 5.25 ms, half of 5.0 ms twice; each drives 200/s to either
for three minutes at most and asks for any change at all. Twenty of each take more than an hour, one after the other, so
that this is run by hand or by night; some at once are in each other's way, which is noise as well. At
`--confidence 99%` at least 18 of 20 are to be found, and at most one of 20 made up.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

BURNER = """
import random, time
while True:
    until = time.monotonic() + random.uniform(0.2, 2)
    while time.monotonic() < until: pass
    time.sleep(random.uniform(0.2, 4))
"""
SERVICE = "lognormal:{}ms,0.5"


class Serve:
    """`loadline serve` with a median of so many milliseconds."""

    def __init__(self, loadline, median_ms, seed):
        command = [loadline, "serve", "--service", SERVICE.format(median_ms), "--seed", str(seed)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.url = self.process.stdout.readline().split()[-1]

    def __enter__(self):
        return self.url

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)


def duel(loadline, medians_ms, trial):
    """The verdict of one duel, and how long it took in seconds."""
    with tempfile.TemporaryDirectory() as folder, \
            Serve(loadline, medians_ms[0], 2 * trial) as base, Serve(loadline, medians_ms[1], 2 * trial + 1) as candidate:
        begun = time.monotonic()
        command = [loadline, "duel", base, candidate, "--rate", "200/s", "--tolerance", "0", "--confidence", "99%",
                   "--max-time", "3m", "--out", f"{folder}/run", "--quiet", "--json"]
        ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300)
        if ended.returncode not in (0, 4, 5, 6):
            raise SystemExit(f"exit code {ended.returncode}: {ended.stderr}")
        return json.loads(ended.stdout), time.monotonic() - begun


def main():
    loadline = sys.argv[1]
    trials, at_once = (int(text) for text in (sys.argv[2:] + ["20", "1"][len(sys.argv) - 2:]))
    burner = subprocess.Popen([sys.executable, "-c", BURNER])

    def judged(case):
        trial, candidate_ms = case
        answer, took_s = duel(loadline, (5.0, candidate_ms), trial)
        p50 = next(metric for metric in answer["metrics"] if metric["metric"] == "p50")
        change = " ".join(f"{100 * (p50[end] or 0):+.1f}" for end in ("low", "change", "high"))
        print(f"{trial + 1}: 5.0 against {candidate_ms} ms: {answer['verdict']} after {took_s:.0f} s, p50 by {change} %",
              flush=True)
        return candidate_ms, answer["verdict"] in ("regressed", "improved")

    try:
        with ThreadPoolExecutor(at_once) as pool:
            called = list(pool.map(judged, [(trial, ms) for trial in range(trials) for ms in (5.25, 5.0)]))
    finally:
        burner.kill()
    found, made_up = (sum(called_ for ms, called_ in called if ms == case) for case in (5.25, 5.0))
    print(f"of {trials}: found {found}, made up {made_up}")


if __name__ == "__main__":
    main()
