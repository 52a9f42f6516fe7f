"""LanceDB as the index imports it, before a test imports all of it: its REST client takes seconds."""

from mmsearch_dagster.adapters.index.library import lancedb_module

lancedb_module()
