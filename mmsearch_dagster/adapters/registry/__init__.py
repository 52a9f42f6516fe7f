"""MLflow: runs, model versions and their tags, the pointer `champion`, its ledger, repair and clean-up."""
