"""What this program costs beside the libraries under it: ratios from one run on one machine.

`python -m tests.bench`; pytest collects only `tests/bench/test_bench.py`.
"""
