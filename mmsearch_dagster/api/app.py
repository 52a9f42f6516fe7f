"""The HTTP face of the released engine: search, release, health, pictures and a small page."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware

from mmsearch_dagster.api import errors
from mmsearch_dagster.api.media import first_image
from mmsearch_dagster.api.people import PeopleAccess, add_people
from mmsearch_dagster.api.release_watcher import ReleaseFollower
from mmsearch_dagster.api.review_webhook import ReviewWebhook, add_review_webhook
from mmsearch_dagster.api.schemas import (
    SEARCH_BODY,
    Health,
    Problem,
    SearchResponse,
    read_search,
    search_response,
)
from mmsearch_dagster.api.upload_limit import UploadLimit
from mmsearch_dagster.core.release import ReleaseManifest
from mmsearch_dagster.serving.engine import Engine
from mmsearch_dagster.serving.micro_batches import MicroBatches

# The page is one file: nothing is loaded from elsewhere, nothing of it can be framed.
_PAGE_POLICY = (
    "default-src 'none'; img-src 'self' blob:; media-src blob:; connect-src 'self'; "
    "script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


def create_app(
    open_engine: Callable[[], Engine],
    current_release_id: Callable[[], str | None],
    media_root: Path | None = None,
    *,
    poll_seconds: float = 2.0,
    people: PeopleAccess | None = None,
    warning: Callable[[], str | None] = lambda: None,
    origins: Sequence[str] = (),
    remote_copy: Callable[[str], Path | None] = lambda address: None,
    webhook: ReviewWebhook | None = None,
    threads: int | None = None,
) -> FastAPI:
    """The application.

    open_engine: opens the release that the pointer names now. current_release_id: that release's id,
    None when there is none; called every `poll_seconds`. media_root: what picture uris are relative to;
    the release's own folder when None. people: how to answer about people; without it those paths are not
    there. warning: what is wrong with the released version although it answers. origins: of other sites'
    pages that may ask, such as `https://shop.example`; `*` for all. remote_copy: address of a picture -> the
    file with its copy here. webhook: how deliveries of MLflow's server are checked and carried out; without
    it that path is not there. threads: that search; None: one per core.
    """
    follower = ReleaseFollower(open_engine, current_release_id, poll_seconds)
    batches = MicroBatches(threads)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        batches.start()
        follower.start()
        yield
        await run_in_threadpool(follower.stop)
        await run_in_threadpool(batches.stop)

    app = FastAPI(title="mmsearch", summary="Search one released catalogue.", lifespan=lifespan)
    app.add_middleware(UploadLimit)
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Content-Type"],
        )
    errors.install(app)
    _add_search(app, follower, batches, people)
    _add_release(app, follower, warning)
    if people is not None:
        add_people(app, follower.engine, people, _responses(400, 413, 422, 503))
    if webhook is not None:
        add_review_webhook(app, webhook, _responses(401, 409, 413, 500))
    _add_page(app, follower, media_root, remote_copy)
    return app


def _responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": Problem} for status in statuses}


def _add_search(
    app: FastAPI, follower: ReleaseFollower, batches: MicroBatches, people: PeopleAccess | None
) -> None:
    @app.post(
        "/search",
        response_model=SearchResponse,
        openapi_extra=SEARCH_BODY,
        responses=_responses(400, 413, 422, 503),
    )
    async def search(request: Request) -> Response:
        """Products for words, a picture, a recorded voice, or several of them, best first; ordered for a user
        whom the release knows, where its ranker was promoted."""
        query, options = await read_search(request)
        engine = follower.engine()
        if options.user is None:
            answer = batches.search(engine, query, k=options.k, where=options.filter)
            return _as_json(search_response(await asyncio.wrap_future(answer)))
        if people is None:
            raise errors.WrongRequestError("user: this server answers nothing about people")
        personalised = await run_in_threadpool(
            people.search, engine, query, options.user, k=options.k, where=options.filter
        )
        return _as_json(search_response(*personalised))


def _as_json(response: SearchResponse) -> Response:
    """Written once: as an object FastAPI would check it a second time."""
    return Response(response.model_dump_json(), media_type="application/json")


# FastAPI, unlike Starlette, answers HEAD only where a route says so; monitors and caches use it.
def _add_release(app: FastAPI, follower: ReleaseFollower, warning: Callable[[], str | None]) -> None:
    @app.head("/release", include_in_schema=False)
    @app.get("/release", responses=_responses(503))
    def release() -> ReleaseManifest:
        """What answers: model, encoders, index and data that belong together."""
        return follower.engine().manifest

    @app.head("/health", include_in_schema=False)
    @app.get("/health", responses=_responses(503))
    def health() -> Health:
        """Whether there is a release to answer from."""
        release_id = follower.engine().manifest.release_id
        return Health(status="ok", release_id=release_id, warning=follower.problem or warning())


def _add_page(
    app: FastAPI,
    follower: ReleaseFollower,
    media_root: Path | None,
    remote_copy: Callable[[str], Path | None],
) -> None:
    page = files("mmsearch_dagster.api").joinpath("page.html").read_text(encoding="utf-8")

    @app.head("/", include_in_schema=False)
    @app.get("/", include_in_schema=False)
    def start_page() -> HTMLResponse:
        return HTMLResponse(page, headers={"Content-Security-Policy": _PAGE_POLICY})

    @app.head("/media/{product_id:path}", include_in_schema=False)
    @app.get("/media/{product_id:path}", response_class=FileResponse, responses=_responses(404, 503))
    def media(product_id: str) -> Response:
        """The first picture of a product."""
        engine = follower.engine()
        root = media_root or (Path(engine.manifest.media_root) if engine.manifest.media_root else None)
        return first_image(engine.payload([product_id]).get(product_id), root, remote_copy)
