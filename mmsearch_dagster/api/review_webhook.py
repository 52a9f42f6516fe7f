"""POST /webhooks/mlflow: MLflow's server says that a model version changed, and the registry is looked at.

What the delivery says is not believed, only that something happened: the verdict is read from the registry.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from mmsearch_dagster.api.signed_delivery import Deliveries, Delivery, refusal_of

ROUTE = "/webhooks/mlflow"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReviewWebhook:
    """How deliveries are checked, and what follows.

    secret: that MLflow's server signs with. look: carries out what reviewers decided, and returns sentences
    about it. clock: seconds since 1970.
    """

    secret: str = field(repr=False)
    look: Callable[[], Sequence[str]]
    clock: Callable[[], float] = time.time
    deliveries: Deliveries = field(default_factory=Deliveries)


class WebhookAnswer(BaseModel):
    """done: what followed, a sentence each; empty where nothing was to be done."""

    done: list[str]


def add_review_webhook(
    app: FastAPI, webhook: ReviewWebhook, responses: dict[int | str, dict[str, Any]]
) -> None:
    """Adds the route. responses: what errors look like."""

    @app.post(ROUTE, responses=responses)
    async def review_webhook(request: Request) -> WebhookAnswer:
        """For MLflow's server alone: a signed delivery makes the registry be looked at."""
        now, delivery = webhook.clock(), _delivery(request, await request.body())
        if refusal := refusal_of(delivery, webhook.secret, now):
            _LOG.warning("a webhook delivery is refused: %s", refusal)
            raise HTTPException(401, refusal)
        if not webhook.deliveries.begin(delivery.delivery_id, now):
            raise HTTPException(409, "this delivery was carried out already")
        try:
            return WebhookAnswer(done=list(await run_in_threadpool(webhook.look)))
        except BaseException:
            webhook.deliveries.forget(delivery.delivery_id)  # MLflow sends it again
            raise


def _delivery(request: Request, body: bytes) -> Delivery:
    header = request.headers.get
    return Delivery(
        delivery_id=header("x-mlflow-delivery-id", ""),
        timestamp=header("x-mlflow-timestamp", ""),
        signature=header("x-mlflow-signature", ""),
        body=body,
    )
