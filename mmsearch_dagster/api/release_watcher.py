"""The API's hold on the release pointer: the old engine answers until the new one is open and warm."""

import logging
import threading
from collections.abc import Callable

from mmsearch_dagster.core.errors import NoReleaseError
from mmsearch_dagster.serving.engine import Engine

_LOG = logging.getLogger(__name__)
# A release that failed to open is not tried at every look at the pointer.
_PATIENCE_AFTER_FAILURE = 15


class ReleaseFollower:
    """Looks at the pointer every `poll_seconds` on its own thread and swaps engines in one step."""

    def __init__(
        self,
        open_engine: Callable[[], Engine],
        current_release_id: Callable[[], str | None],
        poll_seconds: float = 2.0,
    ) -> None:
        self._open_engine = open_engine
        self._current_release_id = current_release_id
        self._poll_seconds = poll_seconds
        self._engine: Engine | None = None
        self._problem: str | None = None
        self._absent = "the release is still being opened"
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def problem(self) -> str | None:
        """Why the release that the pointer names is not served, None when it is."""
        return self._problem

    def engine(self) -> Engine:
        """The engine of this moment; keep it for one whole request.

        Raises NoReleaseError while there is none.
        """
        engine = self._engine
        if engine is None:
            raise NoReleaseError(self._problem or self._absent)
        return engine

    def start(self) -> None:
        """Begin to follow."""
        self._stopped.clear()
        self._thread = threading.Thread(target=self._follow, name="release-follower", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; waits for a look that is under way."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def refresh(self) -> None:
        """One look at the pointer; what goes wrong ends in `problem`, the served engine stays."""
        try:
            self._swap_if_moved()
            self._problem = None
        except Exception as error:  # whatever the pointer's store or a broken release raises, keep serving
            _LOG.warning("the release pointer could not be followed: %s", error)
            self._problem = str(error) or type(error).__name__

    def _swap_if_moved(self) -> None:
        wanted = self._current_release_id()
        if wanted is None:
            self._absent = "there is no release yet"
            self._engine = None
        elif self._engine is None or self._engine.manifest.release_id != wanted:
            opened = self._open_engine()
            opened.warm()
            self._engine = opened

    def _follow(self) -> None:
        while not self._stopped.is_set():
            self.refresh()
            patience = _PATIENCE_AFTER_FAILURE if self._problem else 1
            self._stopped.wait(self._poll_seconds * patience)
