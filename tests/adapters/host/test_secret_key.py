import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mmsearch_dagster.adapters.host.secret_key import KEY_FILE, KEY_VARIABLE, pseudonym_key
from mmsearch_dagster.core.errors import ConfigError


def test_the_environment_goes_first_and_nothing_is_written(tmp_path: Path):
    assert pseudonym_key(tmp_path, {KEY_VARIABLE: "s" * 16}) == b"s" * 16
    assert list(tmp_path.iterdir()) == []


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path):
    home = tmp_path / "new" / "home"
    key = pseudonym_key(home, {})
    assert len(key) == 64
    assert stat.S_IMODE((home / KEY_FILE).stat().st_mode) == 0o600
    assert pseudonym_key(home, {KEY_VARIABLE: ""}) == key
    assert [path.name for path in home.iterdir()] == [KEY_FILE]


def test_processes_that_start_at_once_agree(tmp_path: Path):
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: pseudonym_key(tmp_path, {}), range(16)))
    assert len(keys) == 1


def test_a_key_that_others_may_read_is_refused(tmp_path: Path):
    pseudonym_key(tmp_path, {})
    (tmp_path / KEY_FILE).chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        pseudonym_key(tmp_path, {})


@pytest.mark.parametrize("content", [b"", b"short"])
def test_a_short_key_is_refused(tmp_path: Path, content: bytes):
    path = tmp_path / KEY_FILE
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="at least 16 bytes"):
        pseudonym_key(tmp_path, {})
    with pytest.raises(ConfigError, match=KEY_VARIABLE):
        pseudonym_key(tmp_path, {KEY_VARIABLE: "short"})
