"""Before a run the served index is looked at: a folder that was removed or restored is noticed and mended."""

from mmsearch_dagster.core.errors import ReleaseMismatchError
from mmsearch_dagster.core.release import ReleaseManifest
from mmsearch_dagster.pipeline.workspace import Workspace


def index_problem(workspace: Workspace, manifest: ReleaseManifest) -> str | None:
    """What is wrong with the index of a release, None where it can be read and holds what it must."""
    pin = manifest.index
    if pin is None:
        return f"no index version is attached to {manifest.release_id}"
    try:
        rows = len(workspace.index.open(pin.table, pin.tag).product_ids)
    except ReleaseMismatchError:
        return f"the index version of {manifest.release_id} was removed or cannot be read"
    except (RuntimeError, OSError, ValueError):  # whatever the library says of a damaged folder
        return f"the index folder of {manifest.release_id} is damaged"
    if rows != pin.rows:
        return f"the index of {manifest.release_id} holds {rows} products, the release has {pin.rows}"
    return None
