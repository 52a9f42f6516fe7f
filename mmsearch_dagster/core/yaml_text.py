"""YAML that a person wrote: its document, or one sentence about what is wrong."""

from copy import deepcopy
from functools import lru_cache
from typing import Any

import yaml

from mmsearch_dagster.core.errors import ConfigError, UserError

_MERGE = "tag:yaml.org,2002:merge"
# An impossible date is a plain ValueError; an explicit tag on something else raises any of the others.
_UNREADABLE = (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, OverflowError)


def load_yaml(text: str, where: str, error: type[UserError] = ConfigError) -> Any:
    """The document in a YAML text. where: its file, for messages.

    Raises `error`, one line long, for what cannot be read and for a mapping with one key twice.
    """
    try:
        return deepcopy(_document(text))
    except _UNREADABLE as problem:
        raise error(f"{where}: not readable as YAML: {' '.join(str(problem).split())}") from problem
    except RecursionError as problem:
        raise error(f"{where}: not readable as YAML: nested too deeply") from problem


@lru_cache(maxsize=64)
def _document(text: str) -> Any:
    """A run reads the same reviewed files in many of its steps, and YAML is slow to parse."""
    return yaml.load(text, Loader=_Loader)  # a SafeLoader that refuses more


class _Loader(yaml.SafeLoader):
    """Of a key given twice the library keeps the last one silently."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            name = (key.tag, key.value) if isinstance(key, yaml.ScalarNode) else None
            if name in seen:
                raise yaml.YAMLError(
                    f"line {key.start_mark.line + 1}: key '{key.value}' stands twice; keep one"
                )
            if name is not None and key.tag != _MERGE:
                seen.add(name)
        return node
