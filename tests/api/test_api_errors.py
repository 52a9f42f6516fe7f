"""What a shell and an HTTP client are told of an error of the family."""

import pytest

from mmsearch_dagster.api.errors import problem
from mmsearch_dagster.core.errors import MmsearchError, OtherEncoderError, ReleaseMismatchError


@pytest.mark.parametrize(("kind", "exit_code"), [(ReleaseMismatchError, 1), (OtherEncoderError, 2)])
def test_an_encoder_can_be_installed_again_a_torn_release_cannot_be_mended(
    kind: type[MmsearchError], exit_code: int
) -> None:
    """Whoever asks over HTTP can mend neither."""
    assert kind.exit_code == exit_code
    assert problem(kind("wrong")).status_code == 503
