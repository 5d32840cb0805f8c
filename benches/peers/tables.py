"""The tables of the comparison, in Markdown."""

import datetime
import os
import platform
import statistics


def preamble(arguments):
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    return (f"# Side by side with other load generators\n\n"
            f"{today}, Linux {platform.release()}, {os.cpu_count()} cores; server on one, generator on the other; "
            f"{arguments.rounds} interleaved rounds of {arguments.seconds} s. Trust the ratios more than the figures: "
            f"they come from one machine in one hour. Made by `python3 benches/peers/peers.py`.\n")


def ratios(title, unit, figures):
    """A row a tool, best first; the ratio is Loadline's median over that tool's."""
    own = statistics.median(figures["loadline"]) if figures.get("loadline") else None
    lines = [f"## {title}\n", f"| tool | median, {unit} | minimum | maximum | Loadline ÷ this |", "|---|---|---|---|---|"]
    present = sorted((name for name in figures if figures[name]), key=lambda n: statistics.median(figures[n]))
    for name in present:
        middle = statistics.median(figures[name])
        ratio = f"{own / middle:.2f}" if own else "–"
        lines.append(f"| {name} | {middle:.2f} | {min(figures[name]):.2f} | {max(figures[name]):.2f} | {ratio} |")
    lines += [f"| {name} | not installed | | | |" for name in figures if not figures[name]]
    return "\n".join(lines) + "\n"


def memory(title, numbers, figures):
    """A row a tool, a column a number of connections."""
    lines = [f"## {title}\n", "Largest resident size in MiB.\n",
             "| tool | " + " | ".join(f"{n:,} connections" for n in numbers) + " |", "|---" * (len(numbers) + 1) + "|"]
    for name in sorted(figures, key=lambda n: figures[n][-1]):
        lines.append(f"| {name} | " + " | ".join(f"{f:.1f}" for f in figures[name]) + " |")
    return "\n".join(lines) + "\n"
