"""Search over hyper-parameters by Optuna."""
