"""When a change is worth a warning: assets/policies/monitoring.yaml as a record."""

from pydantic import BaseModel, ConfigDict, Field

from mmsearch_dagster.core.config_file import parse_reviewed


class MonitoringPolicy(BaseModel):
    """Nothing here stops a run; it colours checks.

    significance: chance of a false alarm that one look of a monitor may have, over all its tests; a figure
    beyond its bound is a finding only where it is that sure. stability: population stability index from which
    a column has drifted. missing: change of the share of missing values. centroid: 1 - cosine of the mean
    vectors. outside: share of new vectors farther out than all but one in a hundred old ones. auc: area under
    the ROC curve with which a classifier tells new vectors from old ones. category: 1 - cosine of the mean
    vectors of one category. days: length of the periods whose searches and events are compared. click_drop:
    fall of the share of searches with a click; the whole interval (confidence) must lie below it.
    zero_results: rise of the share of searches without a result; the whole interval must lie above it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    significance: float = Field(default=0.02, gt=0, lt=0.5)
    stability: float = Field(default=0.25, gt=0)
    missing: float = Field(default=0.1, gt=0, le=1)
    centroid: float = Field(default=0.05, gt=0, le=2)
    outside: float = Field(default=0.1, gt=0, le=1)
    auc: float = Field(default=0.6, gt=0.5, le=1)
    category: float = Field(default=0.1, gt=0, le=2)
    days: int = Field(default=7, ge=1, le=365)
    click_drop: float = Field(default=0.02, ge=0, lt=1)
    zero_results: float = Field(default=0.02, ge=0, lt=1)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)


def parse_monitoring(text: str, where: str) -> MonitoringPolicy:
    """The policy in a YAML text. Raises ConfigError naming `where`."""
    return parse_reviewed(MonitoringPolicy, text, where, what="monitoring policy")
