"""The released engine of one home: resolve the pointer, open what it names, nothing else."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mmsearch_dagster.adapters.lake.features_log import FeaturesLog
from mmsearch_dagster.adapters.models.load import describe_encoder, load_encoder, spec_of
from mmsearch_dagster.adapters.registry.ledger import Ledger
from mmsearch_dagster.adapters.registry.pointer import OtherSchemaError, PointedVersion, read_pointer
from mmsearch_dagster.adapters.registry.registry import CHAMPION, PointerMove, Registry
from mmsearch_dagster.adapters.registry.release_list import ReleaseRow
from mmsearch_dagster.adapters.registry.relocate import DATABASE
from mmsearch_dagster.adapters.registry.store import MlflowStore
from mmsearch_dagster.adapters.registry.versions import MODEL_NAME
from mmsearch_dagster.core.errors import (
    ConfigError,
    GateRefusedError,
    MmsearchError,
    NoReleaseError,
    OtherEncoderError,
    QueryError,
    ReleaseMismatchError,
)
from mmsearch_dagster.core.media.images import PILLOW
from mmsearch_dagster.core.release import EncoderIdentity, ReleaseManifest
from mmsearch_dagster.serving.encode_query import EncoderHere
from mmsearch_dagster.serving.engine import Engine
from mmsearch_dagster.serving.reader_cache import ReaderCache
from mmsearch_dagster.serving.understanding import synonyms_of

if TYPE_CHECKING:
    from mmsearch_dagster.serving.recommender import Recommender


class Released:
    """Reads one home's release pointer."""

    def __init__(
        self,
        *,
        home: Path,
        mlflow: Path,
        ledger: Path,
        index: Path,
        encoder_cache: Path,
        features_log: FeaturesLog | None = None,
    ) -> None:
        """features_log: notes what the ranker reads for each query; None: nothing is noted."""
        self._features_log = features_log
        self._home, self._mlflow, self._index, self._cache = home, mlflow, index, encoder_cache
        self._ledger = Ledger(ledger)
        self.registry = Registry(MlflowStore(mlflow), self._ledger, encoder_cache=encoder_cache)

    def manifest(self) -> ReleaseManifest:
        """What the pointer names. Raises NoReleaseError when nothing was released here yet."""
        return self._pointed().manifest

    def _pointed(self) -> PointedVersion:
        """What may be served: what the pointer names, else what it goes back to.

        Raises NoReleaseError where there is nothing, GateRefusedError where somebody's hand pointed to what
        the gate refused and there is no way back.
        """
        pointed = self._read()
        if pointed is not None and self._may_be_served(pointed):
            return pointed
        repair = self.registry.noticed()
        if repair is not None and repair.to is not None:
            return self._version(repair.to)
        if pointed is None:
            raise self._nothing_yet()
        raise GateRefusedError(
            f"the pointer was moved to {pointed.manifest.release_id} outside mmsearch, no stored decision "
            "lets it be served, and there is no earlier release: run `mmsearch run`"
        )

    def _may_be_served(self, pointed: PointedVersion) -> bool:
        """A release that the gate once let pass may be rolled back to after a later comparison refused it;
        one that somebody's hand pointed to, past a refusal, is another matter."""
        passed = pointed.decision is not None and pointed.decision.passed and not pointed.rejected
        return passed or self._ledger.moved_to(pointed.manifest.model_version)

    def _version(self, version: int) -> PointedVersion:
        registry = self.registry
        return PointedVersion(
            registry.manifest(version), registry.model_folder(version), registry.decision(version)
        )

    def _read(self) -> PointedVersion | None:
        """What the pointer names; MLflow is imported only where its database is of another shape."""
        if not (self._mlflow / DATABASE).is_file():
            raise self._nothing_yet()
        try:
            pointed = read_pointer(self._mlflow, MODEL_NAME, CHAMPION)
        except OtherSchemaError:
            champion = self.registry.champion()
            pointed = self._version(champion.model_version) if champion else None
        return pointed

    def releases(self) -> list[ReleaseRow]:
        """Every version, refused ones too, newest first. Raises NoReleaseError when there is none, or where
        somebody renamed the model."""
        rows = self.registry.releases() if self._mlflow.is_dir() else []
        renamed = self.registry.other_name() if self._mlflow.is_dir() and not rows else None
        if renamed is not None:
            raise NoReleaseError(
                f"the registered model of {self._home} was renamed to '{renamed}' in MLflow: `mmsearch run` "
                "or the sensor `review` gives it its name back; until then it goes on answering"
            )
        if not rows:
            raise self._nothing_yet()
        return rows

    def _nothing_yet(self) -> NoReleaseError:
        last = self._ledger.last_move()
        if last is not None:
            return NoReleaseError(
                f"{self._home} holds no release any more: somebody removed {last.release_id} and all before "
                f"it from MLflow; put {self._mlflow} back from a backup, or release anew: `mmsearch run "
                f"--home {self._home}`"
            )
        return NoReleaseError(
            f"{self._home} holds no release yet: run `mmsearch run --home {self._home}` first"
        )

    def release_id(self) -> str | None:
        """The id the pointer names, None before the first release."""
        try:
            return self.manifest().release_id
        except NoReleaseError:
            return None

    def warning(self) -> str | None:
        """Why the version that the pointer names is not served, None where nothing is wrong."""
        try:
            pointed = self._read()
            if pointed is not None and self._may_be_served(pointed):
                return None
            repair = self.registry.noticed()
        except MmsearchError:
            return None
        return repair and repair.why

    def engine(self) -> Engine:
        """The released engine; encoders load with the first query that needs them.

        Raises OtherEncoderError when this installation has other encoders.
        """
        pointed = self._pointed()
        return self._open(pointed.manifest, pointed.folder)

    def engine_of(self, manifest: ReleaseManifest) -> Engine:
        """The engine of any version that has an index, released or not.

        Raises OtherEncoderError when this installation has other encoders, ReleaseMismatchError when its
        parts are gone or do not belong together.
        """
        return self._open(manifest, self.registry.model_folder(manifest.model_version))

    def rollback(self, release_id: str, *, reason: str) -> PointerMove:
        """Point back at an earlier release. Raises like `Registry.rollback`, before the pointer moves also
        when that release cannot be opened here."""
        return self.registry.rollback(release_id, reason=reason, check=self._check)

    def _open(self, manifest: ReleaseManifest, folder: Path) -> Engine:
        encoders = {identity.modality: self._encoder(identity, folder) for identity in manifest.encoders}
        return Engine.open(
            manifest,
            str(self._index),
            folder,
            encoders,
            synonyms=synonyms_of(self._home),
            features_log=self._features_log,
            readers=ReaderCache(self._home / "query_readers"),
        )

    def _check(self, manifest: ReleaseManifest) -> None:
        try:
            self.engine_of(manifest)
        except MmsearchError as error:
            kind = OtherEncoderError if isinstance(error, OtherEncoderError) else ReleaseMismatchError
            raise kind(
                f"{manifest.release_id} cannot be opened here, so the pointer stays where it is: {error}"
            ) from error

    def recommender(self, engine: Engine | None = None) -> "Recommender":
        """Answers for people, from the files of the released version, or of the release that `engine` is of.

        Raises ReleaseMismatchError for damaged files, QueryError when the release is of before it knew
        people.
        """
        if engine is not None:
            version = engine.manifest.model_version
            return self._recommender(engine, lambda: self.registry.model_folder(version))
        pointed = self._pointed()
        return self._recommender(self._open(pointed.manifest, pointed.folder), lambda: pointed.folder)

    def _recommender(self, engine: Engine, model_folder: Callable[[], Path]) -> "Recommender":
        """Answers for people beside `engine`, of the files in the model's folder."""
        from mmsearch_dagster.adapters.lake.people import FOLDER, PeopleFiles
        from mmsearch_dagster.serving.recommender import Recommender

        manifest = engine.manifest
        if manifest.ranker is None:
            raise QueryError(
                f"release {manifest.release_id} knows nothing of people: run `mmsearch run --home "
                f"{self._home}`"
            )
        return Recommender(engine, PeopleFiles.open(model_folder() / FOLDER, manifest.ranker.sha256))

    def _encoder(self, identity: EncoderIdentity, folder: Path) -> EncoderHere:
        """What this installation has in the place of a release's encoder, by its files."""
        spec = spec_of(identity, self._cache, folder)
        try:
            here = describe_encoder(spec, identity.width, cache_dir=self._cache)
        except ConfigError as error:
            raise OtherEncoderError(f"the release's encoder is not here: {error}") from error
        return EncoderHere(here, lambda: load_encoder(spec, self._cache, scaling=PILLOW))
