"""Whatever happened in a home, nothing that a kept release names is removed."""

import random

from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.retention.plan import (
    StoredSnapshot,
    StoredVersion,
    kept_versions,
    removable_snapshots,
)


def test_the_last_served_versions_stay_and_so_do_what_is_pinned_and_what_was_trained_last() -> None:
    trained = {1, 4, 8}
    versions = [StoredVersion(n, n in trained, pinned=n == 2) for n in range(1, 10)]
    served = [1, 3, 5, 6, 7, 5]
    assert kept_versions(versions, served, 2) == {2, 5, 7, 8}
    assert kept_versions(versions, served, 1) == {2, 5, 8}


def test_a_version_that_is_gone_takes_no_place() -> None:
    assert kept_versions([StoredVersion(1, True), StoredVersion(3, False)], [1, 2, 3], 2) == {1, 3}


def test_a_snapshot_stays_while_something_needed_was_made_from_it() -> None:
    chain = [
        StoredSnapshot("products", "a", {}),
        StoredSnapshot("features", "b", {"products": "a"}),
        StoredSnapshot("examples", "c", {"features": "b"}),
        StoredSnapshot("products", "old", {}),
        StoredSnapshot("features", "old", {"products": "old"}),
    ]
    assert [each.digest for each in removable_snapshots(chain, [("examples", "c")])] == ["old", "old"]


@given(st.randoms(use_true_random=False), st.integers(1, 6), st.integers(1, 30))
def test_nothing_that_a_kept_release_names_is_ever_removed(
    chance: random.Random, keep: int, refreshes: int
) -> None:
    """A random history: catalogues that come back, trainings, refusals, rollbacks."""
    versions, snapshots, named, served = [], {}, {}, []
    for number in range(1, refreshes + 1):
        products = ("products", f"day-{chance.randrange(refreshes)}")
        features = ("features", f"of-{products[1]}")
        report = ("report", f"r{number}")
        made_from = {products: {}, features: dict([products]), report: dict([features])}
        for key, inputs in made_from.items():
            snapshots[key] = StoredSnapshot(*key, inputs)
        versions.append(StoredVersion(number, trained=chance.random() < 0.3, pinned=chance.random() < 0.05))
        named[number] = list(made_from)
        if chance.random() < 0.7:
            served.append(number)
        if served and chance.random() < 0.2:
            served.append(chance.choice(served))

    kept = kept_versions(versions, served, keep)
    roots = [named[number][-1] for number in kept]
    removed = {each.key for each in removable_snapshots(snapshots.values(), roots)}

    assert not removed & {key for number in kept for key in named[number]}
    assert set(list(dict.fromkeys(reversed(served)))[:keep]) <= kept
    assert {version.number for version in versions if version.pinned} <= kept
    everything_else = set(snapshots) - {key for number in kept for key in named[number]}
    assert removed == everything_else
