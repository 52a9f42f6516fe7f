"""What a reviewer finds beside a registered model."""

import json

import pytest

from mmsearch_dagster.core.gate.decision import Decision, EvaluationMetrics
from tests.homes import Place

pytestmark = pytest.mark.slow


def test_report_decision_and_its_inputs_lie_beside_the_registered_model(tiny: Place) -> None:
    manifest, registry = tiny.manifest(), tiny.released.registry
    folder = registry.model_folder(manifest.model_version).parent / "review" / manifest.release_id

    decision = Decision.from_json((folder / "decision.json").read_text(encoding="utf-8"))
    inputs = EvaluationMetrics.model_validate_json((folder / "gate_inputs.json").read_text(encoding="utf-8"))
    page = (folder / "report.html").read_text(encoding="utf-8")

    assert decision == registry.decision(manifest.model_version)
    assert set(inputs.engine) == set(inputs.kinds)
    assert any(name.startswith("category=") for name in inputs.slices)
    assert json.loads((folder / "manifest.json").read_text())["release_id"] == manifest.release_id
    assert manifest.release_id in page
    assert "no release yet: nothing to compare with" in page
    assert "data:image/jpeg;base64," in page
