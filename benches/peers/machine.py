"""Processes pinned to a core and measured, and the servers they load."""

import os
import resource
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import json
from dataclasses import dataclass

SERVER_CORE, CLIENT_CORE = 0, 1
# No run here takes longer.
LONGEST_S = 60


def say(text):
    print(text, file=sys.stderr, flush=True)


def on_core(core, command):
    return ["taskset", "-c", str(core), *command]


def raise_descriptor_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port):
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")


@dataclass
class Used:
    """What a process took."""

    cpu_s: float
    resident_mib: float


def measured(command, cwd):
    """Runs a command on the generators' core and says what it took; its output is thrown away."""
    process = subprocess.Popen(on_core(CLIENT_CORE, command), cwd=cwd, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline, resident_mib = time.monotonic() + LONGEST_S, 0.0
    while True:
        pid, _, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = 0
            return Used(usage.ru_utime + usage.ru_stime, resident_mib)
        # Not `ru_maxrss`, which a process inherits from the one that started it.
        resident_mib = largest_resident_mib(process.pid) or resident_mib
        if time.monotonic() > deadline:
            process.send_signal(signal.SIGKILL)
        time.sleep(0.01)


def largest_resident_mib(pid):
    """0 where the process is gone."""
    try:
        with open(f"/proc/{pid}/status") as status:
            return next((int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM")), 0.0)
    except OSError:
        return 0.0


class Serve:
    """`loadline serve` on its core."""

    def __init__(self, binary, *flags):
        self.process = subprocess.Popen(on_core(SERVER_CORE, [binary, "serve", *flags]), text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.url = self.process.stdout.readline().split()[-1]

    def count(self):
        with urllib.request.urlopen(self.url + "/stats", timeout=5) as answer:
            # What asks for the count is none of the load, but the caller takes it for one.
            self.asked = getattr(self, "asked", 0) + 1
            return json.load(answer)["requests"] + self.asked

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(10)


class Listener:
    """Answers one request after another, and knows when the first one came."""

    ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: keep-alive\r\n\r\nok"

    def __enter__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}/"
        return self

    def __exit__(self, *_):
        self.socket.close()

    def first_byte_after_ms(self, command, cwd):
        begun = time.monotonic()
        process = subprocess.Popen(on_core(CLIENT_CORE, command), cwd=cwd, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        watched, first = {self.socket}, None
        try:
            while first is None and time.monotonic() < begun + 10:
                for ready in select.select(list(watched), [], [], 1)[0]:
                    if ready is self.socket:
                        watched.add(self.socket.accept()[0])
                    elif ready.recv(4096):
                        first = (time.monotonic() - begun) * 1e3
                        break
                    else:
                        watched.discard(ready)
            return first if first is not None else float("nan")
        finally:
            process.kill()
            process.wait(10)
            for each in watched - {self.socket}:
                each.close()
            # What waited to be accepted must not be taken for the next tool's.
            self.socket.setblocking(False)
            while True:
                try:
                    self.socket.accept()[0].close()
                except BlockingIOError:
                    break
            self.socket.setblocking(True)
