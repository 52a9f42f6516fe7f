"""MLflow: runs, model versions, the pointer and its ledger."""
