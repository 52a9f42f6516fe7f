"""A shop's export, read as the data contract asks: `load_source`, then `read_table`."""

from mmsearch_dagster.adapters.sources.reading import read_table
from mmsearch_dagster.adapters.sources.source import Source, load_source

__all__ = ["Source", "load_source", "read_table"]
