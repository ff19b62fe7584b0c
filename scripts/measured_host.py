"""A host that is measured from outside: its processor time and its memory by `/proc`, requests by wrk."""

import os
import re
import signal
import subprocess
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


class MeasuredHost:
    """A host that serves an app, with `data` as its directory, until it is closed."""

    def __init__(self, name, binary, app, data, variables=None):
        self.name, self.rates, self.costs, self.late = name, [], [], []
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "INNKEEPER_"))}
        self.process = subprocess.Popen(
            [binary, "serve", "--app", str(app), "--data", str(data), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"],
            env=environment | (variables or {}) | {"INNKEEPER_LOG": "error"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        # Whatever goes wrong from here on, nobody else knows of the process.
        try:
            self.base = self._address()
        except BaseException:
            self.close()
            raise

    def _address(self):
        for line in self.process.stdout:
            if line.startswith("gateway "):
                return line.split()[1]
        raise SystemExit(f"{self.name}: the host has not started; build the app first (`innkeeper build`)")

    def processor(self, children=False):
        """How long its process has computed, or those that it started and has waited for, in seconds."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        first = 13 if children else 11
        return (int(fields[first]) + int(fields[first + 1])) / TICKS

    def resident(self):
        """The memory that it has, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024

    def load(self, path, seconds, connections, threads=2, script=None):
        """One turn: notes requests a second, microseconds of processor time for one, and the latency in milliseconds that one of a hundred exceeds."""
        before = self.processor()
        command = ["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "--latency", *(["-s", str(script)] if script else []), self.base + path]
        told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        requests = int(re.search(r"(\d+) requests in", told)[1])
        if "Non-2xx" in told:
            raise SystemExit(f"{self.name}: not all requests were answered well\n{told}")
        self.costs.append((self.processor() - before) / requests * 1e6)
        self.rates.append(float(re.search(r"Requests/sec:\s+([\d.]+)", told)[1]))
        late, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", told).groups()
        self.late.append(float(late) * {"us": 0.001, "ms": 1, "s": 1000}[unit])

    def forget(self):
        """Forgets what was noted."""
        self.rates.clear(), self.costs.clear(), self.late.clear()

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
