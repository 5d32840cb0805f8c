"""How far departures are from an even schedule, as the server sees them."""

import csv
import shutil
import statistics
import subprocess
from pathlib import Path

import machine

RATES = [1_000, 20_000]
SECONDS = 5
# Connections are opened in the first second.
LEFT_OUT_S = 1


def deviations_us(arrived_ns, rate):
    """Sorted distances of arrivals from the schedule in µs. It begins with the earliest of them but for one in a hundred:
    what all of them take on their way is no deviation."""
    late = [at - index * 1e9 / rate for index, at in enumerate(sorted(arrived_ns))][LEFT_OUT_S * rate:]
    late.sort()
    begin = late[len(late) // 100]
    return [max(at - begin, 0) / 1e3 for at in late]


def tools(arguments, url, rate):
    address = url.removeprefix("http://").rstrip("/")
    return {
        "loadline": [arguments.loadline, "run", url, "--rate", f"{rate}/s", "--duration", f"{SECONDS}s", "--workers", "1",
                     "--quiet", "--no-report"],
        "bare sender": [str(arguments.bare_sender), address, str(rate), str(SECONDS)],
        "oha": ["oha", "--no-tui", "-c", "64", "-z", f"{SECONDS}s", "-q", str(rate), url],
        "h2load": ["h2load", "--h1", "-t1", "-c64", f"-D{SECONDS}", "--rps", str(rate / 64), url],
    }


def measure(arguments, directory):
    """(rate, tool) → list of (p50, p99 of the deviation in µs, CPU µs a request)."""
    figures = {}
    for round_ in range(arguments.rounds):
        for rate in RATES:
            for name in ("loadline", "bare sender", "oha", "h2load"):
                file = Path(directory, "arrivals.csv")
                with machine.Serve(arguments.loadline, "--arrivals", str(file)) as serve:
                    command = tools(arguments, serve.url + "/", rate)[name]
                    if shutil.which(command[0]) is None:
                        continue
                    used = machine.measured(command, cwd=directory)
                with open(file) as lines:
                    arrived = [int(row["arrived_ns"]) for row in csv.DictReader(lines)]
                late = deviations_us(arrived, rate)
                p50, p99 = late[len(late) // 2], late[len(late) * 99 // 100]
                figures.setdefault((rate, name), []).append((p50, p99, used.cpu_s * 1e6 / len(arrived)))
                machine.say(f"  round {round_ + 1}: {name} at {rate}/s: p50 {p50:.0f} µs, p99 {p99:.0f} µs, "
                            f"{len(arrived)} arrivals, CPU {used.cpu_s * 1e6 / len(arrived):.1f} µs each")
    return figures


def table(title, figures):
    """A row a rate and tool; the ratio is the tool's p99 over the bare sender's."""
    lines = [f"## {title}\n",
             "From the instants at which `loadline serve` read the requests. The bare sender is one epoll loop with a timer "
             "60 µs early and a spin. h2load keeps a rate per connection and sends on all of them at once: cheap, and a load "
             "in lumps.\n",
             "| rate | tool | p50, µs | p99, µs (minimum – maximum) | p99 ÷ bare sender | CPU µs a request |",
             "|---|---|---|---|---|---|"]
    for (rate, name), rounds in sorted(figures.items()):
        middle = [statistics.median(values) for values in zip(*rounds)]
        p99s = [values[1] for values in rounds]
        bare = statistics.median(values[1] for values in figures[(rate, "bare sender")])
        lines.append(f"| {rate:,}/s | {name} | {middle[0]:.0f} | {middle[1]:.0f} ({min(p99s):.0f} – {max(p99s):.0f}) "
                     f"| {middle[1] / bare:.2f} | {middle[2]:.1f} |")
    return "\n".join(lines) + "\n"
