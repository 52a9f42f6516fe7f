"""Parameters of the vector index that a version was published with, stored in the LanceDB table itself."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

_KEY = "mmsearch.index"


@dataclass(frozen=True)
class VectorIndexParams:
    """The vector index of a version; `probes` and `refine` are read when searching."""

    kind: str = "none"
    probes: int = 0
    refine: int = 0
    recall: float = 1.0

    @classmethod
    def read(cls, metadata: Mapping[bytes, bytes]) -> "VectorIndexParams":
        """What `metadata` of the vector field says; none where it says nothing."""
        stored = metadata.get(_KEY.encode())
        return cls(**json.loads(stored)) if stored else cls()

    def metadata(self) -> dict[str, str]:
        """What the vector field's metadata is to say."""
        return {_KEY: json.dumps(asdict(self), sort_keys=True)}
