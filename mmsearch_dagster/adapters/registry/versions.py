"""Model versions in the MLflow registry: register, read back, ask once. Moves no alias."""

import hashlib
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmsearch_dagster.adapters.registry.pyfunc.log_model import (
    CACHE_OPTION,
    WEIGHTS_FILE,
    example_input,
    log_pyfunc,
)
from mmsearch_dagster.adapters.registry.store import MlflowStore, mlflow_module
from mmsearch_dagster.adapters.registry.tags import (
    INDEX,
    RELEASE_ID,
    VersionFacts,
    decision_of,
    decision_tags,
    is_whole,
    manifest_of,
    tags_of,
)
from mmsearch_dagster.core.errors import NoReleaseError, ReleaseMismatchError
from mmsearch_dagster.core.gate.decision import Decision
from mmsearch_dagster.core.release import IndexPin, ReleaseManifest

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

MODEL_NAME = "mmsearch"
_UNIT = 1e-3


def _sha256_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class ModelVersions:
    """The versions of the registered model `mmsearch` of one store.

    encoder_cache: where a loaded model's encoders keep what they compile; stored with each version.
    """

    def __init__(self, store: MlflowStore, *, encoder_cache: Path | None = None) -> None:
        self._store, self._encoder_cache = store, encoder_cache

    def register(self, model_dir: Path, facts: VersionFacts, example: Any = None) -> int:
        """Version number of the release `facts.release_id`, registered now if it was not before.

        model_dir: what `core.fusion.model.save_model` wrote. example: one input for the UI (a pandas
        DataFrame), made up when None. A version and all of its tags appear in one step, so a killed run
        leaves either nothing or a whole version; one whose files or tags are damaged is left behind and
        replaced. Registering again stores the newest decision. Raises ReleaseMismatchError when the weights
        are not the ones that `facts` name.
        """
        sha256 = _sha256_of_file(model_dir / WEIGHTS_FILE)
        if sha256 != facts.weights_sha256:
            raise ReleaseMismatchError(
                f"{model_dir / WEIGHTS_FILE} has sha256 {sha256[:12]}, the release says "
                f"{facts.weights_sha256[:12]}: train and register in one go"
            )
        existing = self._whole_version(facts)
        if existing is not None:
            self._store_decision(existing, facts)
            return int(existing.version)
        return self._create(model_dir, facts, example)

    def register_again(self, version: int, facts: VersionFacts) -> int:
        """Number of a version that names the files of `version` under other facts; registered once.

        Args:
            version: a whole version.
            facts: of the new one; its weights are those of `version`.

        Returns:
            The version of the release `facts.release_id`.

        Raises:
            ReleaseMismatchError: the files of `version` are gone or not the registered ones.
        """
        existing = self._whole_version(facts)
        if existing is not None:
            return int(existing.version)
        self.check_weights(version)
        model = self._get(version)
        made = self._store.connect().create_model_version(
            MODEL_NAME,
            model.source or "",
            run_id=model.run_id or None,
            tags=tags_of(facts),
            description=facts.description,
        )
        return int(made.version)

    def load_back(self, version: int) -> None:
        """Load the version as any user of MLflow would and ask it once, in words and with a picture.

        Raises ReleaseMismatchError when it does not load, its weights are not the registered ones, or its
        answer is not one finite unit vector per row.
        """
        self.check_weights(version)
        manifest = self.manifest(version)
        self._store.connect()
        try:
            # The stored folder of encoders is the one of the home in which the model was logged.
            cache = {CACHE_OPTION: str(self._encoder_cache)} if self._encoder_cache else None
            address = f"models:/{MODEL_NAME}/{version}"
            model = mlflow_module().pyfunc.load_model(address, model_config=cache)
            width = model.metadata.signature.outputs.inputs[0].shape[1]
            example = example_input([encoder.modality for encoder in manifest.encoders])
            answer = model.predict(example)
        except Exception as error:  # whatever a broken model raises, it is not fit to be served
            raise ReleaseMismatchError(f"model version {version} does not answer: {error}") from error
        _check_answer(version, answer, (len(example), width))

    def check_weights(self, version: int) -> None:
        """Raises ReleaseMismatchError when the stored weights file is not the one of the manifest."""
        expected = self.manifest(version).weights_sha256
        stored = self._stored_sha256(version)
        if stored != expected:
            raise ReleaseMismatchError(
                f"the weights of model version {version} are {stored[:12]}, registered as {expected[:12]}"
            )

    def model_folder(self, version: int) -> Path:
        """Folder with the weights and the spec of a version, for `core.fusion.model.load_model`.

        Raises ReleaseMismatchError when there is no such version or its files are gone.
        """
        from mlflow.exceptions import MlflowException

        try:
            address = self._store.connect().get_model_version_download_uri(MODEL_NAME, str(version))
            return self._store.files(address) / "artifacts"
        except (MlflowException, OSError) as error:
            raise ReleaseMismatchError(
                f"the files of model version {version} are not in {self._store.folder}: copy the home whole, "
                f"or roll back to a release whose files are there ({error})"
            ) from error

    def manifest(self, version: int) -> ReleaseManifest:
        """What the version's tags say it is. Raises NoReleaseError when there is no such version."""
        return manifest_of(self._get(version).tags, version)

    def decision(self, version: int) -> Decision | None:
        """The decision stored with that very version, None when there is no readable one."""
        return decision_of(self._get(version).tags)

    def attach_files(self, version: int, folder: str, contents: Mapping[str, str]) -> None:
        """Write texts beside the files of a version's model, where MLflow's pages show them.

        folder: below the model's; what lies there already is replaced. A version of before MLflow 3 kept
        models by themselves has no such place, and nothing is written.
        """
        model = re.search(r"\bm-[0-9a-f]{32}\b", self._get(version).source or "")
        if model is None:
            return
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        # The client keeps in mind where files lay first; those of a copied home lie elsewhere.
        address = self._store.connect().get_logged_model(model.group()).artifact_location
        with tempfile.TemporaryDirectory() as local:
            for name, text in contents.items():
                (Path(local) / name).write_text(text, encoding="utf-8")
            get_artifact_repository(address).log_artifacts(local, folder)

    def other_name(self) -> str | None:
        """What somebody renamed the registered model to; None where it has its name, or is gone."""
        client = self._store.connect()
        names = [model.name for model in client.search_registered_models()]
        for name in () if MODEL_NAME in names else names:
            versions = client.search_model_versions(f"name = '{name}'", max_results=1)
            if versions and RELEASE_ID in versions[0].tags:
                return name
        return None

    def name_again(self) -> str | None:
        """Give the registered model its name back where somebody renamed it; a sentence if so."""
        name = self.other_name()
        if name is None:
            return None
        self._store.connect().rename_registered_model(name, MODEL_NAME)
        return f"the registered model was renamed to '{name}' in MLflow: it is '{MODEL_NAME}' again"

    def remove_tag(self, version: int, key: str) -> None:
        """Remove a tag of a version."""
        self._store.connect().delete_model_version_tag(MODEL_NAME, str(version), key)

    def tags(self) -> dict[int, dict[str, str]]:
        """The tags of every version, newest first."""
        return {int(version.version): dict(version.tags) for version in self._all()}

    def store_decision(self, version: int, decision: Decision) -> None:
        """The gate's decision about a version, instead of the one before."""
        for key, value in decision_tags(decision).items():
            self.tag(version, key, value)

    def describe(self, version: int, text: str) -> None:
        """The description of a version, Markdown."""
        client = self._store.connect()
        client.update_model_version(MODEL_NAME, str(version), description=text)

    def attach_index(self, version: int, pin: IndexPin) -> None:
        """Remember which index version belongs to the model version."""
        self.tag(version, INDEX, pin.model_dump_json())

    def _create(self, model_dir: Path, facts: VersionFacts, example: Any) -> int:
        uri = log_pyfunc(self._store, model_dir, facts, encoder_cache=self._encoder_cache, example=example)
        client = self._store.connect()
        if not client.search_registered_models(f"name = '{MODEL_NAME}'"):
            client.create_registered_model(
                MODEL_NAME, description="Two towers of mmsearch: words and pictures to unit vectors."
            )
        made = client.create_model_version(
            MODEL_NAME, uri, run_id=facts.run_id, tags=tags_of(facts), description=facts.description
        )
        return int(made.version)

    def _whole_version(self, facts: VersionFacts) -> "ModelVersion | None":
        for model_version in self._all():
            if model_version.tags.get(RELEASE_ID) != facts.release_id:
                continue
            if not is_whole(model_version.tags, int(model_version.version)):
                continue
            if self._stored_sha256(int(model_version.version)) == facts.weights_sha256:
                return model_version
        return None

    def _store_decision(self, model_version: "ModelVersion", facts: VersionFacts) -> None:
        stored = decision_of(model_version.tags)
        if stored is None or not stored.extends(facts.decision):
            self.store_decision(int(model_version.version), facts.decision)
        if facts.description and model_version.description != facts.description:
            self.describe(int(model_version.version), facts.description)

    def _stored_sha256(self, version: int) -> str:
        try:
            return _sha256_of_file(self.model_folder(version) / WEIGHTS_FILE)
        except (OSError, ReleaseMismatchError):
            return "missing"

    def _all(self) -> "list[ModelVersion]":
        """Every version, newest first."""
        client = self._store.connect()
        versions = client.search_model_versions(f"name = '{MODEL_NAME}'", max_results=10_000)
        return sorted(versions, key=lambda version: -int(version.version))

    def _get(self, version: int) -> "ModelVersion":
        from mlflow.exceptions import MlflowException

        try:
            return self._store.connect().get_model_version(MODEL_NAME, str(version))
        except MlflowException as error:
            raise NoReleaseError(
                f"there is no version {version} of '{MODEL_NAME}' in {self._store.folder}"
            ) from error

    def tag(self, version: int, key: str, value: str) -> None:
        """Set a tag of a version."""
        self._store.connect().set_model_version_tag(MODEL_NAME, str(version), key, value)


def _check_answer(version: int, answer: Any, shape: tuple[int, int]) -> None:
    import numpy as np

    vectors = np.asarray(answer)
    if vectors.shape != shape or not np.isfinite(vectors).all():
        raise ReleaseMismatchError(
            f"model version {version} answered with shape {vectors.shape}, "
            f"{int((~np.isfinite(vectors)).sum())} values not finite; asked for finite {shape}"
        )
    norms = np.linalg.norm(vectors, axis=1)
    if np.abs(norms - 1.0).max() > _UNIT:
        raise ReleaseMismatchError(
            f"model version {version} answered with norms {norms.min():.4f} to {norms.max():.4f}, not 1"
        )
