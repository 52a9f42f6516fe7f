"""The mathematics and the rules. No Dagster, MLflow, LanceDB, network, clock or environment here."""
