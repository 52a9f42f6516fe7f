"""Tells a database that is away for a moment from one that refuses.

connectorx tries for 30 s and then raises a plain RuntimeError, whatever the reason was. So the host is tried
before, by a socket, whose errors say what they are; of what happens later there is only the text.
"""

import socket
from urllib.parse import urlsplit

from mmsearch_dagster.core.errors import SourceError

_PORTS = {"postgresql": 5432, "postgres": 5432, "mysql": 3306, "mariadb": 3306}
_SECONDS = 10.0
# What PostgreSQL, MySQL, MariaDB and their drivers say of a connection that broke or of a full server.
_LOST = (
    *("connection closed", "connection reset", "connection refused", "broken pipe", "lost connection"),
    *("has gone away", "closed the connection unexpectedly", "terminating connection", "unexpected eof"),
    *("starting up", "shutting down", "recovery mode", "too many connections", "too many clients"),
    *("remaining connection slots", "deadlock", "lock wait timeout", "server shutdown in progress"),
)


def check_host(address: str, where: str) -> None:
    """Opens and closes a connection to the address's host.

    Args:
        address: of a database, with one host; of others nothing is tried.
        where: the file that names it, for messages.

    Raises:
        SourceError: nobody answers there; raised from the socket's error, which may pass.
    """
    parts = urlsplit(address)
    if not parts.hostname or "," in parts.netloc:
        return
    place = (parts.hostname, parts.port or _PORTS.get(parts.scheme, 0))
    try:
        socket.create_connection(place, timeout=_SECONDS).close()
    except OSError as error:
        reason = error.strerror or "no answer in time"
        away = isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN
        cause = ConnectionError(f"no name server answers: {reason}") if away else error
        raise SourceError(f"{where}: the database's host cannot be reached: {reason}") from cause


def lost_connection(message: str) -> ConnectionError | None:
    """The cause of an error where a database's message tells of something that may pass; else None.

    Args:
        message: without secrets.
    """
    return ConnectionError(message) if any(sign in message.lower() for sign in _LOST) else None
