"""The script that MLflow keeps with each registered model and runs to load it.

It is copied into every model version and must work for as long as versions are kept: it imports one name,
`SearchModel` of `mmsearch_dagster.adapters.registry.pyfunc.model`, and that name stays.
"""

from mlflow.models import set_model

from mmsearch_dagster.adapters.registry.pyfunc.model import SearchModel

set_model(SearchModel())
