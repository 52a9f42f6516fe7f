"""Model versions that wait for a reviewer: asked for, answered, and closed."""

from dataclasses import dataclass

from mmsearch_dagster.adapters.registry.registry import Registry
from mmsearch_dagster.adapters.registry.verdict import (
    APPROVED,
    NOTE,
    PENDING,
    REVIEW,
    REVIEWER,
    SETTLED,
    State,
    Verdict,
    verdict_of,
)
from mmsearch_dagster.core.errors import NoReleaseError
from mmsearch_dagster.core.release import ReleaseManifest
from mmsearch_dagster.core.suggest import did_you_mean


@dataclass(frozen=True)
class Reviewed:
    """A version and what a person says of it."""

    manifest: ReleaseManifest
    verdict: Verdict


class Reviews:
    """The reviews of one registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def request(self, version: int) -> Verdict:
        """Let a version wait for a reviewer, unless one decided already; the ledger says so once."""
        verdict = verdict_of(self._tags(version))
        if verdict is None:
            self._registry.tag(version, REVIEW, PENDING)
            why = f"it passed the gate and waits for a review: `mmsearch approve {version}`"
            self._registry.write_line("waiting", version, why)
        return verdict or Verdict(PENDING)

    def waive(self, version: int) -> None:
        """Under a policy that asks for no review nothing waits any more; a rejection stays one."""
        verdict = verdict_of(self._tags(version))
        if verdict is not None and verdict.state == PENDING:
            self._registry.remove_tag(version, REVIEW)

    def answer(self, version: int, state: State, *, note: str, reviewer: str) -> None:
        """Set the tags that a reviewer would set in MLflow's pages."""
        for key, value in ((NOTE, note), (REVIEWER, reviewer), (REVIEW, state)):
            self._registry.tag(version, key, value)

    def due(self) -> list[Reviewed]:
        """Versions about which somebody decided and nothing followed yet, oldest first."""
        return [review for review in self._all() if review.verdict.due]

    def waiting(self) -> list[Reviewed]:
        """Versions that wait for a person, oldest first."""
        return [review for review in self._all() if review.verdict.state == PENDING]

    def settle(self, review: Reviewed) -> None:
        """Remember that the verdict was acted upon, and write it into the ledger."""
        version, verdict = review.manifest.model_version, review.verdict
        action = "approval" if verdict.state == APPROVED else "rejection"
        self._registry.write_line(action, version, verdict.sentence, who=verdict.reviewer or "MLflow")
        self._registry.tag(version, SETTLED, verdict.state)

    def named(self, name: str) -> ReleaseManifest:
        """The version that a person names by its number or its release id. Raises NoReleaseError."""
        rows = [row.manifest for row in self._registry.releases()]
        for manifest in rows:
            if name in (str(manifest.model_version), manifest.release_id):
                return manifest
        names = {manifest.release_id for manifest in rows}
        raise NoReleaseError(f"there is no version '{name}' here; {did_you_mean(name, names)}")

    def _all(self) -> list[Reviewed]:
        verdicts = {version: verdict_of(tags) for version, tags in self._registry.tags().items()}
        whole = {row.manifest.model_version: row.manifest for row in self._registry.releases()}
        return [
            Reviewed(whole[version], verdict)
            for version, verdict in sorted(verdicts.items())
            if verdict is not None and version in whole
        ]

    def _tags(self, version: int) -> dict[str, str]:
        return self._registry.tags().get(version, {})
