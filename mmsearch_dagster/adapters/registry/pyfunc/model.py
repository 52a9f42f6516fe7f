"""A registered model as MLflow loads it: words and pictures to unit vectors.

    model = mlflow.pyfunc.load_model("models:/mmsearch@champion")
    model.predict(pandas.DataFrame({"text": ["red shoes"], "image": ["photo.jpg"]}))

Columns `text`, `image` (path, base64 or bytes) and `side` (`query` or `item`), all optional and with gaps;
one float32 unit vector per row comes back. Needs `mmsearch-dagster` installed. Encoders are loaded when the
first row needs them.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel

from mmsearch_dagster.adapters.models.load import spec_of
from mmsearch_dagster.adapters.registry.pyfunc.encoders import lazy_encode
from mmsearch_dagster.adapters.registry.pyfunc.inputs import ITEM, ModelRow, encode_rows, read_rows
from mmsearch_dagster.adapters.registry.pyfunc.log_model import CACHE_OPTION, ENCODERS_FILE
from mmsearch_dagster.core.fusion.model import load_model
from mmsearch_dagster.core.modalities import IMAGE, TEXT
from mmsearch_dagster.core.release import EncoderIdentity


class SearchModel(PythonModel):
    """Both towers of one release behind `predict`."""

    # MLflow passes the context only to parameters of exactly this name.
    def load_context(self, context: Any) -> None:
        """Read weights and encoder identities; no encoder is loaded yet."""
        folder = Path(context.artifacts["weights"]).parent
        option = (context.model_config or {}).get(CACHE_OPTION)
        cache = Path(option) if option else None
        facts = json.loads((folder / ENCODERS_FILE).read_text(encoding="utf-8"))
        identities = [
            EncoderIdentity(**identity) for identity in facts if identity["modality"] in (TEXT, IMAGE)
        ]
        self._model = load_model(folder)
        self._widths = {identity.modality: identity.width for identity in identities}
        self._encode = {identity.modality: lazy_encode(identity, cache, folder) for identity in identities}
        self._specs = {identity.modality: spec_of(identity) for identity in identities}

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> Any:
        """Encodes rows of words and images.

        Args:
            context: not used.
            model_input: the columns `text`, `image` and `side`.
            params: not used.

        Returns:
            Unit vectors, float32 [rows, width].

        Raises:
            QueryError: a row cannot be read.
        """
        rows = [self._prefixed(row) for row in read_rows(model_input)]
        batch = encode_rows(rows, self._encode, self._widths)
        items = np.array([row.side == ITEM for row in rows])[:, None]
        if not items.any():
            return self._model.queries(batch)
        return np.where(items, self._model.items(batch), self._model.queries(batch))

    def _prefixed(self, row: ModelRow) -> ModelRow:
        spec = self._specs.get(TEXT)
        if row.text is None or spec is None:
            return row
        text = spec.item_text(row.text) if row.side == ITEM else spec.query_text(row.text)
        return replace(row, text=text)
