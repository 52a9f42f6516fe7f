"""`python -m mmsearch_dagster.cli`."""

from mmsearch_dagster.cli.main import main

if __name__ == "__main__":
    main()
