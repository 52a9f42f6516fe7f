"""Imported last by a server of forks, so that a child neither maps MLflow's tables nor copies, at its first
garbage collection, every page of what the server imported."""

import gc

from mlflow.store.db.base_sql_model import Base

Base.registry.configure(cascade=True)
gc.collect()
gc.freeze()
