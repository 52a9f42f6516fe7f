"""The released engine of one home: resolve the pointer, open what it names, nothing else."""

from collections.abc import Callable
from pathlib import Path

from mmsearch_dagster.adapters.encoders import load_encoder, spec_of
from mmsearch_dagster.adapters.engine import Engine
from mmsearch_dagster.adapters.ledger import Ledger
from mmsearch_dagster.adapters.registry import Registry
from mmsearch_dagster.adapters.tracking import MlflowStore
from mmsearch_dagster.core.encoders.protocol import Encoder
from mmsearch_dagster.core.errors import NoReleaseError
from mmsearch_dagster.core.release import EncoderIdentity, ReleaseManifest


class Released:
    """Reads one home's release pointer."""

    def __init__(self, *, home: Path, mlflow: Path, ledger: Path, index: Path, encoder_cache: Path) -> None:
        self._home, self._mlflow, self._index, self._cache = home, mlflow, index, encoder_cache
        self.registry = Registry(MlflowStore(mlflow), Ledger(ledger), encoder_cache=encoder_cache)

    def manifest(self) -> ReleaseManifest:
        """What the pointer names. Raises NoReleaseError when nothing was released here yet."""
        champion = self.registry.champion() if self._mlflow.is_dir() else None
        if champion is None:
            raise NoReleaseError(
                f"{self._home} holds no release yet: run `mmsearch run --home {self._home}` first"
            )
        return champion

    def release_id(self) -> str | None:
        """The id the pointer names, None before the first release."""
        try:
            return self.manifest().release_id
        except NoReleaseError:
            return None

    def engine(self) -> Engine:
        """The released engine; encoders load with the first query that needs them."""
        manifest = self.manifest()
        folder = self.registry.model_folder(manifest.model_version)
        loaders = {identity.modality: self._loader(identity) for identity in manifest.encoders}
        return Engine.open(manifest, str(self._index), folder, loaders)

    def _loader(self, identity: EncoderIdentity) -> Callable[[], Encoder]:
        return lambda: load_encoder(spec_of(identity), self._cache)
