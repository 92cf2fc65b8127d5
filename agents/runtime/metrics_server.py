"""Metrics of this process over HTTP, for Prometheus: one setting for all processes of a machine.

Each process takes the first free port from AGENT_FLOWS_METRICS_PORT on, and names it in
<data>/metrics/<port>.json, which Prometheus reads by itself:

    scrape_configs:
      - job_name: agent-flows
        file_sd_configs:
          - files: ["/path/to/.agent-flows/metrics/*.json"]
            refresh_interval: 30s  # else a folder that is made later is found after five minutes

Where Prometheus runs on another host, AGENT_FLOWS_METRICS_HOST names the address that it reaches.

Source: Prometheus, Configuration, file_sd_config.
"""

import atexit
import errno
import json
import os
import socket
import sys
from ipaddress import ip_address
from pathlib import Path

from prometheus_client import start_http_server

LOOPBACK = "127.0.0.1"
TAKEN = (errno.EADDRINUSE, errno.EACCES)  # a port below 1024 may be denied
MOST_PORTS = 100  # processes of one machine; later ones run without


def serve_metrics(port: int, data: Path, host: str = LOOPBACK) -> int | None:
    """Serve the metrics of this process on `port` or the next free one, and name it in the data folder.

    All that reach the address `host` can read them: they have no log-in.

    Returns the port, or None if all are in use. Raises OSError if the data folder cannot be written.
    """
    for free in range(port, min(port + MOST_PORTS, 65536)):
        try:
            start_http_server(free, addr=host)
        except OSError as error:
            if error.errno not in TAKEN:
                raise
            continue
        is_everywhere = ip_address(host).is_unspecified
        _announce(data / "metrics", LOOPBACK if is_everywhere else host, free)
        return free
    return None


def _announce(folder: Path, host: str, port: int) -> None:
    """Write the file of this process, whole or not at all, and remove those of killed ones."""
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.json"):
        if not _is_served(host, path):
            path.unlink(missing_ok=True)
    module = getattr(sys.modules["__main__"], "__spec__", None)
    labels = {"process": module.name if module else Path(sys.argv[0]).name, "pid": str(os.getpid())}
    file, draft = folder / f"{port}.json", folder / f"{port}.draft"
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    draft.write_text(json.dumps([{"targets": [target], "labels": labels}]), "utf-8")
    draft.replace(file)
    atexit.register(file.unlink, missing_ok=True)


def _is_served(host: str, path: Path) -> bool:
    """Whether some process listens on the port that names the file."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as line:
        line.settimeout(1.0)
        return path.stem.isdigit() and line.connect_ex((host, int(path.stem))) == 0
