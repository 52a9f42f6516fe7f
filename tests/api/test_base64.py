import base64

import pytest

from mmsearch_dagster.api.schemas import decoded
from mmsearch_dagster.core.errors import QueryError

CONTENT = bytes(range(256)) * 2 + b"\xfb\xff"
PLAIN = base64.b64encode(CONTENT).decode()


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        base64.encodebytes(CONTENT).decode(),
        "\r\n".join(PLAIN[at : at + 76] for at in range(0, len(PLAIN), 76)),
        PLAIN.rstrip("="),
        base64.urlsafe_b64encode(CONTENT).decode(),
        f"data:image/jpeg;base64,{PLAIN}",
        f" {PLAIN}\n",
    ],
)
def test_base64_is_read_as_programs_write_it(text: str) -> None:
    assert decoded(text, "image_base64") == CONTENT


@pytest.mark.parametrize("text", ["not base64!", "a", "é"])
def test_other_text_is_refused_by_the_field_s_name(text: str) -> None:
    with pytest.raises(QueryError, match="image_base64 is not base64"):
        decoded(text, "image_base64")
