import numpy as np
from scipy.sparse import csr_matrix

from mmsearch_dagster.core.collaborative_filtering.interactions import FeedbackParams
from mmsearch_dagster.core.personalisation.people_state import capped_per_person


def test_a_client_that_looks_a_thousand_times_makes_a_product_no_more_popular_than_a_purchase_does() -> None:
    params = FeedbackParams()
    heaviest = max(params.of_action().values())
    weights = csr_matrix(np.array([[1_000.0, 0.0], [0.5, 0.5]]))

    capped = capped_per_person(weights, params)

    assert capped.toarray().tolist() == [[heaviest, 0.0], [0.5, 0.5]]
    assert weights.toarray()[0, 0] == 1_000.0
