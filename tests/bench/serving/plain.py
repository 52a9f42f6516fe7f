"""What a good engineer writes in an hour: FastAPI, sentence-transformers, FAISS, payload in memory.

The same products, the same encoders by their weights, a flat index of inner products. Words and photo
together: both lists, fused by reciprocal ranks. `python -m tests.bench.serving.plain FOLDER CACHE PORT`; with
`--per-core` behind it a process per core, each of whose libraries uses one.
"""

import base64
import io
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.adapters.host.cores import cores
from mmsearch_dagster.adapters.models.describe import resolve
from mmsearch_dagster.adapters.models.locate import locate
from mmsearch_dagster.cli.serve import bound, run_processes
from mmsearch_dagster.core.encoders.networks import load_network
from mmsearch_dagster.core.encoders.torchvision_shim import import_torchvision
from mmsearch_dagster.core.modalities import IMAGE, TEXT, Matrix
from mmsearch_dagster.core.retrieval.rank_fusion import fuse
from tests.bench.serving.files import BenchShop

_DEPTH = 100


class PlainSearch:
    """Both encoders in torch, both matrices in FAISS."""

    def __init__(self, shop: BenchShop) -> None:
        import faiss
        import torch

        import_torchvision()
        from sentence_transformers import SentenceTransformer

        self._payload = shop.payload()
        self._text = SentenceTransformer(str(locate(shop.spec(TEXT))), local_files_only=True)
        image = shop.spec(IMAGE)
        self._spec = resolve(image, locate(image))
        self._network = load_network(self._spec, locate(image))
        self._network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        self._indices: dict[str, Any] = {}
        for modality in (TEXT, IMAGE):
            vectors = shop.vectors(modality)
            self._indices[modality] = faiss.IndexFlatIP(vectors.shape[1])
            self._indices[modality].add(vectors)

    def search(self, text: str | None, photo: bytes | None, k: int) -> list[dict[str, Any]]:
        """The `k` best products."""
        rankings: dict[str, list[str]] = {}
        if text:
            rankings[TEXT] = self._nearest(TEXT, self._text.encode([text], show_progress_bar=False))
        if photo:
            rankings[IMAGE] = self._nearest(IMAGE, self._photo_vector(photo))
        best = fuse(rankings, {})[:k]
        return [{"score": score, "payload": self._payload[int(row)]} for row, score in best]

    def _nearest(self, modality: str, vectors: Matrix) -> list[str]:
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        _, rows = self._indices[modality].search(unit.astype(np.float32), _DEPTH)
        return [str(row) for row in rows[0]]

    def _photo_vector(self, photo: bytes) -> Matrix:
        import torch

        with torch.inference_mode():
            return self._network(torch.from_numpy(self._pixels(photo)[None])).numpy()

    def _pixels(self, photo: bytes) -> NDArray[np.uint8]:
        from PIL import Image, ImageOps

        size = self._spec.size or 224
        image = ImageOps.fit(
            Image.open(io.BytesIO(photo)).convert("RGB"), (size, size), Image.Resampling.BICUBIC
        )
        return np.asarray(image)


def create_app(search: PlainSearch) -> Any:
    """The service."""
    from fastapi import FastAPI
    from pydantic import BaseModel

    app = FastAPI()

    class Request(BaseModel):
        text: str | None = None
        image_base64: str | None = None
        k: int = 10

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/search")
    def answer(request: Request) -> dict[str, Any]:
        photo = base64.b64decode(request.image_base64) if request.image_base64 else None
        return {"hits": search.search(request.text, photo, request.k)}

    return app


def application(folder: Path, cache: Path) -> Any:
    """For a process that has one core to itself."""
    import faiss
    import torch

    torch.set_num_threads(1)
    faiss.omp_set_num_threads(1)
    return create_app(PlainSearch(BenchShop(folder, cache)))


if __name__ == "__main__":
    import uvicorn

    folder, cache, port = sys.argv[1:4]
    if sys.argv[4:] == ["--per-core"]:
        from tests.bench.serving.plain import application as make_app

        with bound("127.0.0.1", int(port), "PORT") as listener:
            run_processes(partial(make_app, Path(folder), Path(cache)), listener, cores())
    else:
        uvicorn.run(
            create_app(PlainSearch(BenchShop(Path(folder), Path(cache)))), port=int(port), log_level="warning"
        )
