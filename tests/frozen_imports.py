"""Imported last by a server of forks, so that a child neither maps MLflow's tables nor copies, at its first
garbage collection, every page of what the server imported."""

import gc

from sqlalchemy.orm import configure_mappers

configure_mappers()
gc.collect()
gc.freeze()
