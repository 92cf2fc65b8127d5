"""A run of order processing on its page in Prefect's UI, as Chromium draws it."""

import gzip
import shutil
import subprocess
import sys
from itertools import islice
from pathlib import Path

import httpx
from PIL import Image

from agents.orders.sample import ORDERS
from agents.runtime.settings import PREFIX
from agents.services.sandbox.process import stop_sandbox
from tests.prefect_server import ROOT, PrefectServer, running_server

COUNT = 240  # one batch: its task runs fill the graph, and their names can be read
FAULTS = "payments.authorise:decline=0.02;payments.capture:truncated=0.02"
RUN_SECONDS, PAGE_SECONDS = 600, 120
WIDTH, HEIGHT, SIDE_BAR = 1_400, 836, 256
PAGE_MILLISECONDS = 20_000  # of the page's own clock, which runs as fast as the page loads
CHROMIUM = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    f"--window-size={WIDTH},{HEIGHT}",
    f"--virtual-time-budget={PAGE_MILLISECONDS}",
)


def chromium() -> str | None:
    """The browser's program, if it is installed."""
    return shutil.which("chromium")


def take_picture(browser: str, target: Path, folder: Path) -> None:
    """Run order processing against a new Prefect server and write a PNG of the run's page.

    Raises RuntimeError if the run fails or its page does not show it.
    """
    with running_server(folder / "prefect", ui=True) as server:
        try:
            _process_orders(server, folder)
        finally:
            stop_sandbox(folder / "data")
        page = f"{server.url.removesuffix('/api')}/v2/runs/flow-run/{_run_id(server)}?tab=Artifacts"
        _screenshot(browser, page, folder)
    with Image.open(folder / "page.png") as whole:
        whole.convert("RGB").crop((SIDE_BAR, 0, WIDTH, HEIGHT)).save(target, optimize=True)


def _process_orders(server: PrefectServer, folder: Path) -> None:
    orders = folder / "orders.jsonl"
    with gzip.open(ORDERS, "rb") as sample:
        orders.write_bytes(b"".join(islice(sample, COUNT)))
    settings = {f"{PREFIX}DATA": str(folder / "data"), f"{PREFIX}CONCURRENCY": "local"}
    command = [sys.executable, "-m", "flows.order_processing", "--orders", str(orders)]
    done = subprocess.run(
        [*command, "--faults", FAULTS],
        cwd=ROOT,
        env=server.environment | settings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"order processing ended with {done.returncode}: {done.stderr}")


def _run_id(server: PrefectServer) -> str:
    answer = httpx.post(f"{server.url}/flow_runs/filter", json={}, trust_env=False)
    (run,) = answer.raise_for_status().json()
    return str(run["id"])


def _screenshot(browser: str, page: str, folder: Path) -> None:
    profile = f"--user-data-dir={folder / 'browser'}"
    picture = f"--screenshot={folder / 'page.png'}"
    done = subprocess.run(
        [browser, *CHROMIUM, profile, picture, "--dump-dom", page],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PAGE_SECONDS,
        check=False,
    )
    for wanted in (f"order-processing: {COUNT} orders", "Completed", "order-processing-outcomes"):
        if wanted not in done.stdout:
            raise RuntimeError(f"the page does not show {wanted!r}: {done.stderr[-2000:]}")
