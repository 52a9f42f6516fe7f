"""Opens what a release names, each compared with the manifest: towers, index version, recogniser."""

from pathlib import Path
from typing import TYPE_CHECKING

from mmsearch_dagster.adapters.index.index import SearchIndex
from mmsearch_dagster.adapters.index.table import PinnedTable
from mmsearch_dagster.core.digest import sha256_bytes
from mmsearch_dagster.core.errors import ReleaseMismatchError, damaged_release, reason_of
from mmsearch_dagster.core.memories.photo_memory import MEMORY_FILE, PhotoMemory
from mmsearch_dagster.core.memories.query_memory import QUERY_MEMORY_FILE, QueryMemory
from mmsearch_dagster.core.release import IndexPin, ReleaseManifest
from mmsearch_dagster.core.retrieval.rank_fusion import VECTOR
from mmsearch_dagster.serving.memories.photo_retriever import PhotoRetriever
from mmsearch_dagster.serving.memories.query_retriever import QueryRetriever
from mmsearch_dagster.serving.retrievers import QueryTower

if TYPE_CHECKING:
    from mmsearch_dagster.core.ranking.rankers.stage import RankingStage
    from mmsearch_dagster.core.speech.language import Language
    from mmsearch_dagster.core.speech.transcript import Recogniser


def open_model(model_dir: Path) -> QueryTower:
    """The two towers of a release; without torch, unless the fusion is one that somebody added."""
    from mmsearch_dagster.core.fusion.towers import is_evaluated_here, load_towers

    if is_evaluated_here(model_dir):
        return load_towers(model_dir)
    from mmsearch_dagster.core.fusion.model import load_model

    return load_model(model_dir)


def open_table(manifest: ReleaseManifest, index: SearchIndex, width: int) -> PinnedTable:
    """Opens the index version of a release.

    Args:
        manifest: of the release.
        index: the home's index.
        width: of the model's vectors.

    Returns:
        The table, pinned to the published version.

    Raises:
        ReleaseMismatchError: there is no index, or it is not the one that was published.
    """
    pin = manifest.index
    if pin is None:
        raise ReleaseMismatchError(f"release {manifest.release_id} has no index yet: publish one for it")
    table = index.open(pin.table, pin.tag)
    _same_version(table, pin)
    stored = table.vector_columns.get(VECTOR)
    if stored != width:
        raise ReleaseMismatchError(f"the index holds vectors of width {stored}, the model makes {width}")
    return table


def open_photo_memory(
    manifest: ReleaseManifest, table: PinnedTable, model_dir: Path
) -> PhotoRetriever | None:
    """The judged photos of a release; None where it has none.

    Raises:
        ReleaseMismatchError: the file is gone or is another one.
    """
    pin = manifest.photo_memory
    if pin is None:
        return None
    content = _pinned(model_dir / MEMORY_FILE, pin.sha256, f"the photo memory of {manifest.release_id}")
    return PhotoRetriever(PhotoMemory.from_bytes(content), table)


def open_query_memory(
    manifest: ReleaseManifest, table: PinnedTable, model_dir: Path
) -> QueryRetriever | None:
    """The past queries of a release; None where it has none.

    Raises:
        ReleaseMismatchError: the file is gone or is another one.
    """
    pin = manifest.query_memory
    if pin is None:
        return None
    content = _pinned(model_dir / QUERY_MEMORY_FILE, pin.sha256, f"the query memory of {manifest.release_id}")
    return QueryRetriever(QueryMemory.from_bytes(content), table)


def _pinned(file: Path, sha256: str, name: str) -> bytes:
    """The content of a file that a release names. Raises ReleaseMismatchError where it is another one."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise damaged_release(f"{file} cannot be read: {reason_of(error)}") from error
    if sha256_bytes(content) != sha256:
        raise damaged_release(f"{file} is not {name}")
    return content


def open_ranking(manifest: ReleaseManifest, model_dir: Path) -> "RankingStage | None":
    """The learned ranking of a release; None where it has none.

    Raises:
        ReleaseMismatchError: its files are missing, damaged or of another release.
    """
    if manifest.ranking is None:
        return None
    from mmsearch_dagster.core.ranking.rankers.stage import RANKING_FOLDER, load_stage, stage_digest

    folder = model_dir / RANKING_FOLDER
    stage = load_stage(folder)
    if stage_digest(folder) != manifest.ranking.sha256:
        raise damaged_release(f"the ranking in {folder} is not that of {manifest.release_id}")
    return stage


def open_recogniser(manifest: ReleaseManifest, table: PinnedTable, model_dir: Path) -> "Recogniser":
    """The recogniser of a release, with the language that was kept with it."""
    from mmsearch_dagster.adapters.speech import pocketsphinx

    return pocketsphinx.open_recogniser(manifest.recogniser, lambda: _language(manifest, table, model_dir))


def _language(manifest: ReleaseManifest, table: PinnedTable, model_dir: Path) -> "Language":
    from mmsearch_dagster.core.speech.language import COLUMNS, LANGUAGE_FILE, Language, shop_language

    if manifest.language is None:
        return shop_language(table.columns(COLUMNS))
    file = model_dir / LANGUAGE_FILE
    try:
        language = Language.from_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damaged_release(f"{file} cannot be read: {reason_of(error)}") from error
    if language.digest != manifest.language:
        raise damaged_release(f"{file} is not the language of {manifest.release_id}")
    return language


def _same_version(table: PinnedTable, pin: IndexPin) -> None:
    if (table.version, table.row_count) != (pin.version, pin.rows):
        raise ReleaseMismatchError(
            f"tag '{pin.tag}' names version {table.version} with {table.row_count} rows, the release was "
            f"made with version {pin.version} of {pin.rows} rows: build the index again"
        )
