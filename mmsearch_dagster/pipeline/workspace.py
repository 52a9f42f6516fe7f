"""What every step works with: the home folder's stores and the reviewed files, opened when first used."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mmsearch_dagster.adapters.host.clock import utc_clock
from mmsearch_dagster.adapters.lake.snapshots import Lake
from mmsearch_dagster.core.catalog.mapping.remote_media import full_address, is_address, refusal
from mmsearch_dagster.core.clock import Clock
from mmsearch_dagster.core.digest import sha256_text
from mmsearch_dagster.core.modalities import IMAGE, TEXT, VIDEO
from mmsearch_dagster.core.progress import PROGRESS, Progress
from mmsearch_dagster.settings import HomePaths, Settings, assets_folder, read_reviewed

if TYPE_CHECKING:
    from mmsearch_dagster.adapters.feature_store.feature_store import FeatureStore
    from mmsearch_dagster.adapters.index.index import SearchIndex
    from mmsearch_dagster.adapters.registry.registry import Registry
    from mmsearch_dagster.adapters.registry.tracking import Tracking
    from mmsearch_dagster.adapters.remote_files.media_cache import MediaCache
    from mmsearch_dagster.adapters.sources.source import Source
    from mmsearch_dagster.core.encoders.protocol import Encoder, EncoderSpec
    from mmsearch_dagster.core.finetuning.params import FinetuneParams
    from mmsearch_dagster.core.finetuning.text_params import TextFinetuneParams
    from mmsearch_dagster.core.gate.policy import GatePolicy
    from mmsearch_dagster.core.media.media_limits import MediaLimits
    from mmsearch_dagster.core.monitoring.alert_policy import AlertPolicy
    from mmsearch_dagster.core.monitoring.policy import MonitoringPolicy
    from mmsearch_dagster.core.presets import RunPreset
    from mmsearch_dagster.core.release import EncoderIdentity
    from mmsearch_dagster.core.retrieval.business_rules import BusinessRules
    from mmsearch_dagster.core.triggers.triggers import TriggerPolicy
    from mmsearch_dagster.serving.open_release import Released

# The assets that name the image encoder and the text encoder of a run.
IMAGE_ENCODER = "image_encoder"
TEXT_ENCODER = "text_encoder"
ALERT_POLICY = "policies/alerts.yaml"


def media_file(workspace: "Workspace", uri: str) -> Path:
    """Where a media file of the shop lies; a path that does not exist where it lies elsewhere."""
    source = workspace.source
    if is_address(uri):
        return remote_copy(workspace, uri) or source.root / f"not-fetched-{sha256_text(uri)[:12]}"
    return source.media(uri) or source.root / f"elsewhere-{sha256_text(uri)[:12]}"


def remote_copy(workspace: "Workspace", uri: str) -> Path | None:
    """The copy of a medium at an address; None where there is none that may be used."""
    address = full_address(uri)
    copy = workspace.media_cache.copies().get(address)
    if copy is None or copy.sha256 is None or refusal(address, workspace.source.spec.media):
        return None
    return workspace.media_cache.path(copy.sha256)


def read_alert_policy(assets: Path) -> "AlertPolicy":
    """Who hears of what, in a folder of reviewed files; a shop may have no such file. Raises ConfigError."""
    from mmsearch_dagster.core.monitoring.alert_policy import parse_alerts

    return parse_alerts(*_reviewed_text(assets / ALERT_POLICY, "alert policy", needed=False))


def _reviewed_text(file: Path, what: str, *, needed: bool) -> tuple[str, str]:
    return (read_reviewed(file, what) if needed or file.exists() else ""), str(file)


class Workspace:
    """One home and one shop. Opening a store costs its library's import, so nothing opens early."""

    def __init__(self, settings: Settings, assets: Path | None = None, *, clock: Clock = utc_clock) -> None:
        self.settings = settings
        self.clock = clock
        self.assets = assets or assets_folder()
        self.lake = Lake(settings.paths.lake)

    @property
    def paths(self) -> HomePaths:
        return self.settings.paths

    @property
    def progress(self) -> Progress:
        return PROGRESS.get()

    @cached_property
    def source(self) -> "Source":
        """The shop's tables; the embedded sample store is drawn first when no source was named."""
        from mmsearch_dagster.adapters.sources.source import load_source
        from mmsearch_dagster.demo_shop.write_shop import write_sample_store

        named = self.settings.source
        if named is None:
            named = write_sample_store(self._sample_spec, self.paths.sample, self.progress)
        return load_source(named, self.settings.root, require=("products",), copies=self.paths.databases)

    @property
    def catalogue(self) -> str:
        """Name of the shop that `source` is; the sample store is not drawn for it."""
        from mmsearch_dagster.demo_shop.write_shop import sample_name

        return sample_name(self._sample_spec) if self.settings.source is None else self.source.catalogue

    @property
    def _sample_spec(self) -> Path:
        return self.assets / "sample" / "store.yaml"

    @cached_property
    def preset(self) -> "RunPreset":
        from mmsearch_dagster.core.presets import parse_preset

        file = self.settings.preset or self.assets / "presets" / "run.yaml"
        return parse_preset(read_reviewed(file, "preset"), str(file))

    @property
    def multilingual(self) -> bool:
        """Whether the text encoder of this run reads other scripts than Latin."""
        spec = self.preset.encoder(TEXT)
        return spec is not None and spec.multilingual

    @property
    def finetune(self) -> "FinetuneParams | None":
        """How the image encoder is fine-tuned, None when it is not."""
        from mmsearch_dagster.core.finetuning.params import FinetuneParams

        return self.preset.finetune or (FinetuneParams() if self.settings.finetune else None)

    @property
    def finetune_text(self) -> "TextFinetuneParams | None":
        """How the text encoder is fine-tuned, None when it is not."""
        from mmsearch_dagster.core.finetuning.text_params import TextFinetuneParams

        return self.preset.finetune_text or (TextFinetuneParams() if self.settings.finetune_text else None)

    def encoder(self, modality: str) -> "EncoderSpec | None":
        """The encoder of that modality in this run: for pictures and words the fine-tuned one, where that is
        on and paid, and for videos whose frames the image encoder reads.

        Raises MmsearchError when it is on and its asset was never materialised.
        """
        configured = self.preset.encoder(modality)
        asset = self._tuned_by(modality, configured)
        if configured is None or asset is None:
            return configured
        from mmsearch_dagster.adapters.models.finetune import publish, tuned_spec

        tuned = self.lake.current(asset)
        model = tuned.folder / "model"
        if not model.is_dir():  # it did not pay
            return configured
        return tuned_spec(configured, publish(model, self.paths.encoder_cache, tuned.digest))

    def _tuned_by(self, modality: str, configured: "EncoderSpec | None") -> str | None:
        """The asset that fine-tunes the encoder of that modality in this run."""
        if modality == TEXT:
            return TEXT_ENCODER if self.finetune_text is not None else None
        image_encoder = self.preset.encoder(IMAGE)
        if configured is None or image_encoder is None or self.finetune is None:
            return None
        reads_frames = modality == VIDEO and configured.weights == image_encoder.weights
        return IMAGE_ENCODER if modality == IMAGE or reads_frames else None

    @cached_property
    def gate_policy(self) -> "GatePolicy":
        from mmsearch_dagster.core.gate.policy import parse_policy

        return parse_policy(*self._reviewed("policies/gate.yaml", "gate policy"))

    @cached_property
    def business_rules(self) -> "BusinessRules":
        """What the shop wants of lists made for a person; a shop may have no such file."""
        from mmsearch_dagster.core.retrieval.business_rules import parse_rules

        return parse_rules(*self._reviewed("policies/business.yaml", "business rules", needed=False))

    @cached_property
    def monitoring_policy(self) -> "MonitoringPolicy":
        """When a change since the release is worth a warning; a shop may have no such file."""
        from mmsearch_dagster.core.monitoring.policy import parse_monitoring

        return parse_monitoring(
            *self._reviewed("policies/monitoring.yaml", "monitoring policy", needed=False)
        )

    @cached_property
    def trigger_policy(self) -> "TriggerPolicy":
        """What may start a run by itself; a shop may have no such file."""
        from mmsearch_dagster.core.triggers.triggers import parse_triggers

        return parse_triggers(*self._reviewed("policies/triggers.yaml", "trigger policy", needed=False))

    @cached_property
    def alert_policy(self) -> "AlertPolicy":
        """Who hears of what; a shop may have no such file."""
        return read_alert_policy(self.assets)

    @cached_property
    def media_limits(self) -> "MediaLimits":
        """How many media may be unreadable; a shop may have no such file."""
        from mmsearch_dagster.core.media.media_limits import parse_media_limits

        return parse_media_limits(*self._reviewed("policies/media.yaml", "media limits", needed=False))

    def _reviewed(self, name: str, what: str, *, needed: bool = True) -> tuple[str, str]:
        """Text and address of a reviewed file; no text where a shop may be without it, and is."""
        return _reviewed_text(self.assets / name, what, needed=needed)

    @cached_property
    def media_cache(self) -> "MediaCache":
        """Copies of media that lie at addresses."""
        from mmsearch_dagster.adapters.remote_files.media_cache import MediaCache

        return MediaCache(self.paths.media)

    @cached_property
    def features(self) -> "FeatureStore":
        from mmsearch_dagster.adapters.feature_store.feature_store import FeatureStore

        return FeatureStore(self.paths.features)

    @cached_property
    def tracking(self) -> "Tracking":
        from mmsearch_dagster.adapters.registry.store import MlflowStore
        from mmsearch_dagster.adapters.registry.tracking import Tracking

        return Tracking(MlflowStore(self.paths.mlflow))

    @cached_property
    def registry(self) -> "Registry":
        from mmsearch_dagster.adapters.registry.ledger import Ledger
        from mmsearch_dagster.adapters.registry.registry import Registry
        from mmsearch_dagster.adapters.registry.store import MlflowStore

        store = MlflowStore(self.paths.mlflow)
        ledger = Ledger(self.paths.ledger, clock=self.clock)
        return Registry(store, ledger, encoder_cache=self.paths.encoder_cache)

    @property
    def released(self) -> "Released":
        """What answers for this home; nothing is opened yet."""
        from mmsearch_dagster.serving.open_release import Released

        return Released(
            home=self.paths.home,
            mlflow=self.paths.mlflow,
            ledger=self.paths.ledger,
            index=self.paths.index,
            encoder_cache=self.paths.encoder_cache,
        )

    @cached_property
    def index(self) -> "SearchIndex":
        from mmsearch_dagster.adapters.index.index import SearchIndex

        return SearchIndex(str(self.paths.index))

    def identity(self, spec: "EncoderSpec") -> "EncoderIdentity":
        """The encoder's name and width, without loading it."""
        from mmsearch_dagster.adapters.models.load import describe_encoder

        return describe_encoder(spec)

    def loader(self, spec: "EncoderSpec") -> "Callable[[], Encoder]":
        """Loads the encoder when something really needs encoding."""

        def load() -> "Encoder":
            from mmsearch_dagster.adapters.models.load import load_encoder

            return load_encoder(spec, self.paths.encoder_cache)

        return load
