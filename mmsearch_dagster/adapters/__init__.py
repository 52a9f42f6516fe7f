"""The outside world: one folder for each system outside this program."""

from mmsearch_dagster.adapters.registry.pyfunc import former_names

former_names.install()
