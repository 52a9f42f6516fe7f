"""The step `ranking`: the engine's lists for judged queries, the trial of orders, the trained ranker."""
