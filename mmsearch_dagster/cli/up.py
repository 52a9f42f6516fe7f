"""Dagster, MLflow and the API side by side, ended together."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from mmsearch_dagster.adapters.host.run_lock import alone
from mmsearch_dagster.cli.display.progress import console
from mmsearch_dagster.cli.run import check
from mmsearch_dagster.cli.serve import bound
from mmsearch_dagster.core.errors import MmsearchError, UserError
from mmsearch_dagster.defs.dagster_home import end_dead_runs, prepare_dagster, workspace_file
from mmsearch_dagster.pipeline.home import remember
from mmsearch_dagster.settings import Settings

_PATIENCE_SECONDS = 10


def commands(
    settings: Settings, *, host: str, dagster_port: int, mlflow_port: int, api_port: int
) -> dict[str, list[str]]:
    """What `up` starts, by name."""
    from mmsearch_dagster.adapters.registry.store import MlflowStore

    scripts = Path(sys.executable).parent
    workspace = ["-w", str(workspace_file(settings))]
    store = MlflowStore(settings.paths.mlflow)
    return {
        "dagster": [str(scripts / "dagster-webserver"), *workspace, "-h", host, "-p", str(dagster_port)],
        "daemon": [str(scripts / "dagster-daemon"), "run", *workspace],
        "mlflow": [
            str(scripts / "mlflow"),
            "server",
            "--backend-store-uri",
            store.tracking_uri,
            "--default-artifact-root",
            store.artifact_root.as_uri(),
            "--host",
            host,
            "--port",
            str(mlflow_port),
            "--workers",
            "1",
        ],
        "api": [
            sys.executable,
            "-m",
            "mmsearch_dagster.cli",
            "serve",
            "--home",
            str(settings.home),
            "--host",
            host,
            "--port",
            str(api_port),
        ],
    }


def environment(outer: Mapping[str, str]) -> dict[str, str]:
    """Of every server: nothing is reported to anybody, and MLflow starts no workers for jobs of language
    models (eight processes that nothing here uses), unless `outer` asks for them."""
    return {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **outer, "MLFLOW_DISABLE_TELEMETRY": "true"}


def up(settings: Settings, *, host: str, dagster_port: int, mlflow_port: int, api_port: int) -> None:
    """Start all, wait for Ctrl-C or for one to end, stop all."""
    ports = {"--dagster-port": dagster_port, "--mlflow-port": mlflow_port, "--api-port": api_port}
    for option, port in ports.items():
        bound(host, port, option).close()
    check(settings)
    remember(settings)
    # The servers get the home alone and each run reads there what it does: `mmsearch run` may be asked
    # otherwise while they stand.
    prepare_dagster(Settings(settings.home))
    _end_dead_runs(settings)
    addresses = {"host": host, "dagster_port": dagster_port, "mlflow_port": mlflow_port, "api_port": api_port}
    logs = settings.paths.logs
    logs.mkdir(parents=True, exist_ok=True)
    running: dict[str, subprocess.Popen[bytes]] = {}
    for stop in (signal.SIGINT, signal.SIGTERM):  # a shell starts background jobs with SIGINT ignored
        signal.signal(stop, _as_interrupt)
    try:
        for name, command in commands(settings, **addresses).items():
            with (logs / f"{name}.log").open("ab") as log:
                running[name] = subprocess.Popen(
                    command, env=environment(os.environ), stdout=log, stderr=log, start_new_session=True
                )
        console.print(f"Dagster  http://{host}:{dagster_port}\nMLflow   http://{host}:{mlflow_port}")
        console.print(f"Search   http://{host}:{api_port}\nLogs     {logs}\nCtrl-C ends all of them.")
        _watch(running, logs)
    except KeyboardInterrupt:
        console.print("stopping")
    finally:
        _stop(running)


def _end_dead_runs(settings: Settings) -> None:
    """What an earlier `up` or `run` left behind; where a run is at work now, its queue is alive."""
    import dagster as dg

    with suppress(UserError), alone(settings.paths.lock), dg.DagsterInstance.get() as instance:
        end_dead_runs(instance)


def _as_interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _watch(running: dict[str, subprocess.Popen[bytes]], logs: Path) -> None:
    while True:
        for name, process in running.items():
            if process.poll() is not None:
                raise MmsearchError(f"{name} ended with code {process.returncode}: see {logs / name}.log")
        time.sleep(0.5)


def _stop(running: dict[str, subprocess.Popen[bytes]]) -> None:
    """Each runs in a session of its own, so its children end with it."""
    for process in running.values():
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    for process in running.values():
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
