#!/usr/bin/env python3
"""Measures Loadline and other load generators in the same run, interleaved, and writes a table.

    python3 benches/peers/peers.py --loadline target/release/loadline -o reports/peers.md

The server (nginx, or `loadline serve`) has one core, the generator the other. CPU is user + system of the whole
process over the requests that the *server* counted, so that no generator is taken at its word. Trust the ratios:
the rounds go through all tools in turn, so that a busy moment of the machine meets all of them. A tool that is
absent is listed as not installed. Nothing leaves the loopback; every run is bounded in time.
"""

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import departures
import machine
import tables
from machine import CLIENT_CORE, SERVER_CORE, Used, measured

HERE = Path(__file__).resolve().parent
NGINX = """
worker_processes 1; daemon off; pid {dir}/pid; error_log {dir}/error.log; worker_rlimit_nofile 65000;
events {{ worker_connections 60000; }}
http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; ssl_session_cache shared:tls:1m;
  client_body_temp_path {dir}; proxy_temp_path {dir}; fastcgi_temp_path {dir}; uwsgi_temp_path {dir}; scgi_temp_path {dir};
  ssl_certificate {dir}/cert.pem; ssl_certificate_key {dir}/key.pem;
  server {{ listen 127.0.0.1:{port} backlog=16384; {places} }}
  server {{ listen 127.0.0.1:{tls} ssl http2 backlog=16384; {places} }} }}
"""
PLACES = "location = /status { stub_status; } location / { return 200 'hello, world\\n'; }"


class Nginx:
    """nginx on one core, with its own count of requests."""

    def __init__(self, directory):
        self.port, self.tls = machine.free_port(), machine.free_port()
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{directory}/key.pem",
             "-out", f"{directory}/cert.pem"], check=True, capture_output=True)
        config = Path(directory, "nginx.conf")
        config.write_text(NGINX.format(dir=directory, port=self.port, tls=self.tls, places=PLACES))
        self.process = subprocess.Popen(
            machine.on_core(SERVER_CORE, ["nginx", "-c", str(config), "-e", f"{directory}/error.log"]))
        machine.wait_for_port(self.port)
        self.plain, self.secure = f"http://127.0.0.1:{self.port}/", f"https://127.0.0.1:{self.tls}/"

    def count(self):
        """Requests that it has answered, the one that asks included."""
        with urllib.request.urlopen(self.plain + "status", timeout=5) as answer:
            return int(answer.read().decode().splitlines()[2].split()[2])

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def get_tools(arguments, url, seconds):
    """Tools that fetch one page over `connections` connections as fast as it goes: name → command."""
    connections = arguments.connections
    loadline = [arguments.loadline, "run", url, "--users", str(connections), "--duration", f"{seconds}s", "--workers",
                "1", "--quiet", "--no-report", "--insecure"]
    return {
        "loadline": loadline,
        "wrk": ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", url],
        "h2load": ["h2load", "--h1", "-t1", f"-c{connections}", f"-D{seconds}", url],
        "ab": ["ab", "-q", "-k", f"-c{connections}", f"-t{seconds}", "-n100000000", url],
        "hey": ["hey", "-c", str(connections), "-z", f"{seconds}s", "-cpus", "1", url],
        "oha": ["oha", "--no-tui", "--insecure", "-c", str(connections), "-z", f"{seconds}s", url],
        "goose": [str(arguments.goose), "--host", url.rstrip("/"), "--users", str(connections), "--run-time",
                  f"{seconds}s", "--increase-rate", "10000", "--no-reset-metrics", "--quiet", "--scenarios", "page"],
        "autocannon": ["autocannon", "-c", str(connections), "-d", str(seconds), url],
    }


def closed_loop(arguments, nginx):
    return get_tools(arguments, nginx.plain, arguments.seconds)


def open_loop(arguments, nginx):
    """The tools that can hold a rate, at the rate asked; wrk cannot."""
    rate, seconds, connections = arguments.rate, arguments.seconds, arguments.connections
    url = nginx.plain
    return {
        "loadline": [arguments.loadline, "run", url, "--rate", f"{rate}/s", "--duration", f"{seconds}s", "--workers",
                     "1", "--quiet", "--no-report"],
        "wrk2": ["wrk2", "-t1", f"-c{connections}", f"-d{seconds}s", f"-R{rate}", url],
        "h2load": ["h2load", "--h1", "-t1", f"-c{connections}", f"-D{seconds}", "--rps", str(rate / connections), url],
        "oha": ["oha", "--no-tui", "-c", str(connections), "-z", f"{seconds}s", "-q", str(rate), url],
        "hey": ["hey", "-c", str(connections), "-z", f"{seconds}s", "-cpus", "1", "-q", str(rate / connections), url],
        "autocannon": ["autocannon", "-c", str(connections), "-d", str(seconds), "-R", str(rate), url],
    }


def tls_http1(arguments, nginx):
    tools = get_tools(arguments, nginx.secure, arguments.seconds)
    tools["loadline"] += ["--http", "1.1"]
    return {name: tools[name] for name in ["loadline", "wrk", "h2load", "oha"]}


def http2(arguments, nginx):
    """Over TLS: every connection carries one request at a time."""
    tools = get_tools(arguments, nginx.secure, arguments.seconds)
    tools["loadline"] += ["--http", "2"]
    tools["h2load"] = [a for a in tools["h2load"] if a != "--h1"]
    tools["oha"] = tools["oha"][:1] + ["--http-version", "2"] + tools["oha"][1:]
    return {name: tools[name] for name in ["loadline", "h2load", "oha"]}


SCENES = {
    "GET as fast as it goes, {connections} connections": closed_loop,
    "GET at {rate}/s, open loop": open_loop,
    "GET over TLS (HTTP/1.1) as fast as it goes": tls_http1,
    "GET over HTTP/2 (TLS) as fast as it goes": http2,
}


def cpu_per_request(tools, count, rounds, directory):
    """Runs all tools in turn, `rounds` times: name → list of µs of CPU per request that the server counted."""
    figures = {name: [] for name in tools}
    for round_ in range(rounds):
        for name, command in tools.items():
            if not installed(command):
                continue
            before = count()
            used = measured(command, cwd=directory)
            answered = count() - before - 1
            machine.say(f"  round {round_ + 1}: {name}: {used.cpu_s * 1e6 / max(answered, 1):.2f} µs, {answered} requests")
            if answered > 0:
                figures[name].append(used.cpu_s * 1e6 / answered)
    return figures


def installed(command):
    return shutil.which(command[0]) is not None


def flows(arguments, directory):
    """A scripted flow (log in, capture, post with it, check) against `loadline serve`, which counts the requests."""
    with machine.Serve(arguments.loadline) as serve:
        scenario = Path(directory, "flow.yaml")
        scenario.write_text((HERE / "flow.yaml").read_text().replace("TARGET", serve.url))
        seconds, users = arguments.seconds, arguments.connections
        tools = {
            "loadline": [arguments.loadline, "run", str(scenario), "--users", str(users), "--duration", f"{seconds}s",
                         "--workers", "1", "--quiet", "--no-report"],
            "goose": [str(arguments.goose), "--host", serve.url, "--users", str(users), "--run-time", f"{seconds}s",
                      "--increase-rate", "10000", "--quiet", "--scenarios", "flow"],
        }
        # A flow is two requests.
        return {name: [2 * f for f in figures]
                for name, figures in cpu_per_request(tools, serve.count, arguments.rounds, directory).items()}


def memory(arguments, nginx, directory):
    """Largest resident size in MiB with so many connections: tool → list, one entry a number of connections."""
    figures = {}
    for connections in arguments.memory:
        arguments.connections = connections
        for name, command in get_tools(arguments, nginx.plain, 8).items():
            if name in ("ab", "autocannon", "goose") or not installed(command):
                continue
            used = measured(command, cwd=directory)
            figures.setdefault(name, []).append(used.resident_mib)
            machine.say(f"  {name} with {connections} connections: {used.resident_mib:.1f} MiB")
    return figures


def first_request(arguments, directory):
    """Milliseconds from the start of the process to the first byte that the server reads: tool → list."""
    figures = {}
    for round_ in range(arguments.rounds):
        with machine.Listener() as listener:
            for name, command in get_tools(arguments, listener.url, 1).items():
                if installed(command):
                    figures.setdefault(name, []).append(listener.first_byte_after_ms(command, directory))
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--loadline", default="target/release/loadline", help="the binary to measure")
    parser.add_argument("--goose", default=str(HERE / "goose/target/release/goose-peer"))
    parser.add_argument("--bare-sender", default="target/release/examples/bare_sender")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="length of one run")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--rate", type=int, default=20_000)
    parser.add_argument("--memory", type=int, nargs="*", default=[64, 5_000, 20_000])
    parser.add_argument("--only", default="", help="only the scenes whose name holds this")
    parser.add_argument("-o", "--output", help="file for the tables, in Markdown [default: standard output]")
    arguments = parser.parse_args()
    for path in ("loadline", "goose", "bare_sender"):
        setattr(arguments, path, str(Path(getattr(arguments, path)).resolve()))
    machine.raise_descriptor_limit()

    out = [tables.preamble(arguments)]
    with tempfile.TemporaryDirectory() as directory:
        nginx = Nginx(directory)
        try:
            for title, tools_of in SCENES.items():
                title = title.format(connections=arguments.connections, rate=arguments.rate)
                if arguments.only in title:
                    machine.say(title)
                    tools = tools_of(arguments, nginx)
                    figures = cpu_per_request(tools, nginx.count, arguments.rounds, directory)
                    out.append(tables.ratios(title, "CPU µs a request", figures))
            title = "A scripted flow: log in, capture from JSON, post with it, check"
            if arguments.only in title:
                machine.say(title)
                out.append(tables.ratios(title, "CPU µs a flow", flows(arguments, directory)))
            title = "Departures against an even schedule"
            if arguments.only in title:
                machine.say(title)
                out.append(departures.table(title, departures.measure(arguments, directory)))
            title = "From the start of the process to its first request"
            if arguments.only in title:
                machine.say(title)
                out.append(tables.ratios(title, "ms", first_request(arguments, directory)))
            title = "Memory by connections"
            if arguments.only in title:
                machine.say(title)
                numbers = arguments.memory
                out.append(tables.memory(title, numbers, memory(arguments, nginx, directory)))
        finally:
            nginx.stop()
    text = "\n".join(out)
    if arguments.output:
        Path(arguments.output).write_text(text)
    else:
        print(text)


if __name__ == "__main__":
    main()
