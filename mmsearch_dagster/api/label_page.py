"""The page where a person grades pairs of queries and products; for the browser of this machine alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol

from fastapi import FastAPI
from fastapi.responses import FileResponse, HTMLResponse, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware

from mmsearch_dagster.api import errors
from mmsearch_dagster.api.media import first_image
from mmsearch_dagster.core.labels.pair_to_label import HIGHEST_GRADE, PairToLabel

_POLICY = (
    "default-src 'none'; img-src 'self'; connect-src 'self'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


class Labels(Protocol):
    """The pairs and their grades, wherever they are kept."""

    @property
    def pairs(self) -> Sequence[PairToLabel]:
        """In the order of asking."""
        ...

    def grade(self, row: int, grade: int) -> None:
        """Keeps a grade; it is on the disk when this returns."""
        ...


class Grade(BaseModel):
    """A person's answer. row: of the pair, from 0."""

    row: int = Field(ge=0)
    grade: int = Field(ge=0, le=HIGHEST_GRADE)


class Pair(BaseModel):
    """A pair as the page shows it."""

    query_id: str
    query_text: str
    product_id: str
    title: str | None
    grade: int | None


class Kept(BaseModel):
    """How many pairs have a grade by now."""

    graded: int
    pairs: int


def create_label_app(
    labels: Labels,
    payload: Callable[[Sequence[str]], Mapping[str, Mapping[str, Any]]],
    media_root: Path | None,
    remote_copy: Callable[[str], Path | None] = lambda address: None,
) -> FastAPI:
    """The application.

    It answers to names of this machine only, so that no other site's page can grade through the browser.

    Args:
        labels: the pairs.
        payload: product ids -> what the release knows of them.
        media_root: what addresses of pictures are relative to.
        remote_copy: address of a picture -> the file with its copy here.
    """
    app = FastAPI(title="mmsearch label", docs_url=None, redoc_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
    errors.install(app)
    page = files("mmsearch_dagster.api").joinpath("label_page.html").read_text(encoding="utf-8")

    @app.get("/", include_in_schema=False)
    def start_page() -> HTMLResponse:
        return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})

    @app.get("/pairs")
    def pairs() -> list[Pair]:
        """All pairs, those with a grade too."""
        return [Pair(**asdict(pair)) for pair in labels.pairs]

    @app.post("/grades")
    def grade(given: Grade) -> Kept:
        """Keep a grade; an earlier one of the same pair is replaced."""
        if given.row >= len(labels.pairs):
            raise HTTPException(404, f"there is no pair {given.row}")
        labels.grade(given.row, given.grade)
        return Kept(graded=sum(pair.grade is not None for pair in labels.pairs), pairs=len(labels.pairs))

    @app.get("/media/{product_id:path}", response_class=FileResponse)
    def media(product_id: str) -> Response:
        """The first picture of a product."""
        return first_image(payload([product_id]).get(product_id), media_root, remote_copy)

    return app
