"""What the servers of `mmsearch up` are started with."""

from mmsearch_dagster.cli.up import environment


def test_mlflow_starts_no_workers_that_nothing_here_uses() -> None:
    assert environment({})["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"


def test_who_uses_them_says_so() -> None:
    wanted = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "true"}

    assert environment(wanted)["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "true"


def test_nothing_is_reported_to_anybody_and_the_rest_is_the_callers() -> None:
    assert environment({"PATH": "/bin", "MLFLOW_DISABLE_TELEMETRY": "false"}) == {
        "PATH": "/bin",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
