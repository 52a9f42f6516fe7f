"""Real servers, started for the tests from what the system has installed."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

_SECONDS = 60.0
PASSWORD = "s3cret-w0rd"


def _port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _folder(user: str) -> Path:
    """Short, for sockets; PostgreSQL and MariaDB refuse to run as root."""
    folder = Path(tempfile.mkdtemp(prefix="db-", dir="/tmp"))
    if os.geteuid() == 0:
        shutil.chown(folder, user)
    return folder


def _as(user: str, command: Sequence[object]) -> list[str]:
    words = [str(word) for word in command]
    return ["runuser", "-u", user, "--", *words] if os.geteuid() == 0 else words


def _until(ready: Sequence[str], server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _SECONDS
    while subprocess.run(ready, capture_output=True).returncode:
        assert server.poll() is None, "the server ended"
        assert time.monotonic() < deadline, "the server does not answer"
        time.sleep(0.2)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Address of an empty database."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        pytest.skip("no PostgreSQL server is installed here (Debian: apt-get install postgresql)")
    folder, port = _folder("postgres"), _port()
    data, word = folder / "data", folder / "word"
    word.write_text(PASSWORD)
    word.chmod(0o644)
    start = ["-A", "scram-sha-256", "-U", "shop", f"--pwfile={word}", "-E", "UTF8"]
    subprocess.run(
        _as("postgres", [programs[-1] / "initdb", "-D", data, *start]), check=True, capture_output=True
    )
    options = ["-D", data, "-k", folder, "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
    server = subprocess.Popen(
        _as("postgres", [programs[-1] / "postgres", *options]), stderr=subprocess.DEVNULL
    )
    try:
        _until([str(programs[-1] / "pg_isready"), "-h", "127.0.0.1", "-p", str(port)], server)
        yield f"postgresql://shop:{PASSWORD}@127.0.0.1:{port}/postgres"
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[str]:
    """Address of an empty database."""
    program = shutil.which("mariadbd", path="/usr/sbin:/usr/bin")
    if program is None:
        pytest.skip("no MariaDB server is installed here (Debian: apt-get install mariadb-server)")
    folder, port = _folder("mysql"), _port()
    data, first = folder / "data", folder / "first.sql"
    first.write_text(
        "CREATE DATABASE shop CHARACTER SET utf8mb4;\n"
        f"CREATE USER shop@'%' IDENTIFIED BY '{PASSWORD}';\n"
        "GRANT ALL ON shop.* TO shop@'%';\n"
    )
    first.chmod(0o644)
    install = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", f"--tmpdir={folder}"]
    install.append("--auth-root-authentication-method=normal")
    own = {**os.environ, "TMPDIR": str(folder)}
    subprocess.run(_as("mysql", install), check=True, capture_output=True, env=own)
    options = [f"--datadir={data}", f"--socket={folder / 's'}", f"--port={port}", f"--init-file={first}"]
    options += [
        f"--tmpdir={folder}",
        "--bind-address=127.0.0.1",
        f"--pid-file={folder / 'pid'}",
        "--skip-name-resolve",
    ]
    server = subprocess.Popen(_as("mysql", [program, "--no-defaults", *options]), stderr=subprocess.DEVNULL)
    try:
        ready = [
            "mariadb",
            "-h",
            "127.0.0.1",
            "-P",
            str(port),
            "-u",
            "shop",
            f"-p{PASSWORD}",
            "-e",
            "SELECT 1",
        ]
        _until([*ready, "shop"], server)
        yield f"mysql://shop:{PASSWORD}@127.0.0.1:{port}/shop"
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def execute(address: str, statements: Sequence[str]) -> None:
    """Runs statements by the database's own client."""
    rest = address.partition("@")[2]
    host, _, name = rest.partition("/")
    port = host.partition(":")[2]
    if address.startswith("postgresql"):
        command = ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", address]
    else:
        command = ["mariadb", "-h", "127.0.0.1", "-P", port, "-u", "shop", f"-p{PASSWORD}", name]
    text = "".join(f"{statement};\n" for statement in statements)
    subprocess.run(command, input=text.encode(), check=True, capture_output=True)
