"""The files under deploy/: nothing in them names a command, option, file or value that does not exist.

No container engine is needed, and none is started.
"""

import json
import re
import shlex
import shutil
import subprocess
import sys
from functools import reduce
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).parents[1]
DEPLOY = REPOSITORY / "deploy"
CHART = DEPLOY / "helm"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
TEMPLATES = {path.name: path.read_text(encoding="utf-8") for path in sorted((CHART / "templates").iterdir())}
# Programs of the base image.
OF_THE_SYSTEM = {"sh", "python"}

Command = tuple[str, ...]


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def compose_services() -> dict[str, dict[str, Any]]:
    return load(DEPLOY / "compose.yaml")["services"]


def compose_commands() -> list[Command]:
    commands = []
    for service in compose_services().values():
        commands.append(tuple(service["command"]))
        check = service.get("healthcheck", {}).get("test")
        commands += [tuple(check[1:])] if check else []
    return commands


def dockerfile_commands() -> list[Command]:
    return [
        tuple(json.loads(found))
        for found in re.findall(r"^\s*(?:CMD|ENTRYPOINT) (\[.*\])$", DOCKERFILE, re.M)
    ]


def helm_commands() -> list[Command]:
    """The commands in the templates, with the chart's own values."""
    values = load(CHART / "values.yaml")

    def value(found: re.Match[str]) -> str:
        return str(reduce(lambda part, key: part[key], found[1].split("."), values))

    commands = []
    for text in TEMPLATES.values():
        plain = re.sub(r"^ *\{\{-.*\}\}\n", "", text, flags=re.M)
        plain = re.sub(r"\{\{ \.Values\.([\w.]+) \}\}", value, plain).replace("{{ . }}", "a.value")
        commands += [tuple(yaml.safe_load(found)) for found in re.findall(r"command: (\[.*\])$", plain, re.M)]
        commands += [
            tuple(yaml.safe_load(found)) for found in re.findall(r"command:\n((?: +- .*\n)+)", plain)
        ]
    return commands


COMMANDS = sorted({*compose_commands(), *dockerfile_commands(), *helm_commands()})


def test_every_process_is_found() -> None:
    assert {"mmsearch", "dagster-webserver", "dagster-daemon", "mlflow"} <= {c[0] for c in compose_commands()}
    assert {"mmsearch", "dagster-webserver", "dagster-daemon", "mlflow"} <= {c[0] for c in helm_commands()}
    assert {"mmsearch", "python"} <= {c[0] for c in dockerfile_commands()}


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in COMMANDS if c[0] not in OF_THE_SYSTEM], ids=shlex.join)
def test_command_and_its_options_exist(command: Command) -> None:
    assert command[0] in {script.name for script in entry_points(group="console_scripts")}
    script = Path(sys.executable).with_name(command[0])
    done = subprocess.run([script, *command[1:], "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", [c for c in COMMANDS if c[0] == "python"], ids=lambda c: c[-1][-40:])
def test_health_check_is_python(command: Command) -> None:
    assert command[1] == "-c"
    compile(command[2], "health check", "exec")


def test_what_the_image_copies_exists() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.M)
    sources = [source for line in copied for source in line.split()]
    assert "constraints.txt" in sources
    assert [source for source in sources if not (REPOSITORY / source).exists()] == []


def test_processes_do_not_run_as_root() -> None:
    users = re.findall(r"^USER (\S+)$", DOCKERFILE, re.M)
    uid = re.search(r"useradd --uid (\d+)", DOCKERFILE)
    assert users == ["mmsearch"]
    assert uid
    assert f"runAsUser: {uid[1]}" in TEMPLATES["_helpers.tpl"]


def test_compose_publishes_on_this_machine_only() -> None:
    ports = [port for service in compose_services().values() for port in service.get("ports", [])]
    assert len(ports) == 3
    assert all(port.startswith("127.0.0.1:") for port in ports)


@pytest.mark.parametrize("name", ["mlflow", "dagster-webserver", "api"])
def test_compose_publishes_the_port_that_is_listened_on(name: str) -> None:
    service = compose_services()[name]
    inside = service["ports"][0].rsplit(":", 1)[1]
    assert inside in re.findall(r"\d+", " ".join(service["command"]))


def test_services_wait_for_services_that_exist() -> None:
    services = compose_services()
    waited_for = {name for service in services.values() for name in service.get("depends_on", {})}
    assert waited_for
    assert waited_for <= services.keys()


def test_prepared_home_is_a_dagster_instance_that_runs_one_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dagster as dg
    from dagster._core.run_coordinator import QueuedRunCoordinator

    subprocess.run(["sh", DEPLOY / "prepare-home.sh"], env={"MMSEARCH_HOME": str(tmp_path)}, check=True)
    assert (tmp_path / "mlflow").is_dir()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    with dg.DagsterInstance.from_config(str(tmp_path / "dagster")) as instance:
        assert isinstance(instance.run_coordinator, QueuedRunCoordinator)
        queue = instance.get_concurrency_config().run_queue_config
        assert queue
        assert queue.max_concurrent_runs == 1
        assert instance.telemetry_enabled is False
        assert instance.run_monitoring_enabled
        assert instance.run_monitoring_max_runtime_seconds == 21_600


@pytest.mark.parametrize("name", ["Chart.yaml", "values.yaml"])
def test_chart_file_is_yaml(name: str) -> None:
    assert load(CHART / name)


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_uses_values_and_templates_that_exist(name: str) -> None:
    values, text = load(CHART / "values.yaml"), TEMPLATES[name]
    for path in re.findall(r"\.Values\.([\w.]+)", text):
        found = values
        for key in path.split("."):
            assert key in found, f".Values.{path} is not in values.yaml"
            found = found[key]
    defined = set(re.findall(r'define "([^"]+)"', TEMPLATES["_helpers.tpl"]))
    assert set(re.findall(r'include "([^"]+)"', text)) <= defined
    assert len(re.findall(r"\{\{-? (?:if|with|range|define)\b", text)) == len(
        re.findall(r"\{\{-? end\b", text)
    )


def test_every_value_is_used() -> None:
    everything = "".join(TEMPLATES.values())
    for section, content in load(CHART / "values.yaml").items():
        for key in content if isinstance(content, dict) else [""]:
            assert re.search(rf"\.Values\.{section}\.?{key}\b", everything), f"{section}.{key}"


@pytest.mark.skipif(shutil.which("helm") is None, reason="helm is not installed")
@pytest.mark.parametrize("options", [[], ["--set", "shop.existingClaim=shop,home.existingClaim=mine"]])
def test_helm_renders_the_chart(options: list[str]) -> None:
    subprocess.run(["helm", "lint", CHART], check=True, capture_output=True)
    done = subprocess.run(
        ["helm", "template", "shop", CHART, *options], check=True, capture_output=True, text=True
    )
    kinds = [document["kind"] for document in yaml.safe_load_all(done.stdout) if document]
    assert kinds.count("Deployment") == 3
    assert kinds.count("Service") == 3
    assert kinds.count("PersistentVolumeClaim") == (0 if options else 1)
