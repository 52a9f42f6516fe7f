"""What is removed from MLflow for good: versions, their files, and the runs behind them."""
