"""`mmsearch upgrade-encoder`: from a named encoder to a release, while the old one answers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from mmsearch_dagster.cli import run as refreshing
from mmsearch_dagster.cli.display.progress import Display, print_plain
from mmsearch_dagster.cli.options import released_of
from mmsearch_dagster.core.errors import ConfigError, GateRefusedError, MmsearchError
from mmsearch_dagster.core.metrics.answer_overlap import answer_overlap
from mmsearch_dagster.pipeline.home import locked_step_in, recall, remember
from mmsearch_dagster.pipeline.release import encoder_upgrade as steps
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import Settings, settle

# Tag of a model version, for people: how alike it and the release before it answer.
_OVERLAP = "mmsearch.answer_overlap"


def upgrade(settings: Settings, modality: str, encoder: str) -> None:
    """Encodes, trains, compares, and releases through the gate. Raises what stopped it.

    A refusal leaves the home as it was: the old release and the old encoder.
    """
    released, workspace = released_of(settings.home), Workspace(settings)
    before = released.manifest()
    proposal = replace(settings, preset=steps.propose_encoder(workspace, modality, encoder))
    _encode(workspace, Workspace(proposal))
    queries = steps.compared_queries(workspace, before.media_root)
    answers = steps.sample_answers(released.engine(), queries)
    former = recall(settings.home)
    try:
        waiting = refreshing.run(proposal, retrain=True)
    except MmsearchError as error:
        remember(settle(settings.home, former))
        if isinstance(error, GateRefusedError):
            _show_evaluated(workspace, answers)
        raise
    after = released.manifest()
    if waiting is not None and after.encoders == before.encoders:
        _show_evaluated(workspace, answers)
        return  # until somebody approves it, the old release answers
    overlap = answer_overlap(answers, steps.sample_answers(released.engine(), queries))
    print_plain(f"{after.release_id} answers with the new encoder; before it {before.release_id} did.")
    if overlap is not None:
        print_plain(f"Beside the answers of before: {overlap.sentence}.")
        released.registry.tag(after.model_version, _OVERLAP, f"with {before.release_id}: {overlap.sentence}")
    print_plain(f"To go back: `mmsearch rollback {before.release_id} --home {settings.home}`.")


def _show_evaluated(workspace: Workspace, answers: Mapping[str, list[str]]) -> None:
    """How alike the model answers that the gate refused, or that waits."""
    overlap = steps.evaluated_overlap(workspace, answers)
    if overlap is not None:
        print_plain(f"Its answers beside those of the release: {overlap.sentence}.")


def _encode(workspace: Workspace, proposed: Workspace) -> None:
    """Part by part, each a step of its own: a run that is due in between is not kept waiting."""
    try:
        changed = steps.changed_encoders(workspace.preset, proposed.preset)
        workspace.lake.current("products")
    except MmsearchError as error:
        raise ConfigError(f"there is no catalogue to encode yet: {error}") from error
    for spec in changed:
        print_plain(
            f"Encoding the catalogue's {spec.modality} with {spec.library}:{spec.model}, part by part."
        )
        for done in steps.encode_parts(proposed, spec, locked=lambda: _part_in(workspace.settings)):
            counts = f"{done.encoded:,} encoded, {done.reused:,} were there"
            print_plain(f"part {done.number} of {done.parts}: {counts}")


@contextmanager
def _part_in(settings: Settings) -> Iterator[None]:
    """One part at work in a home."""
    waiting = "A run is at work: the next part waits for its end."
    with locked_step_in(settings.home, lambda: print_plain(waiting)), Display():
        yield
