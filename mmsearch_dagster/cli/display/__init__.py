"""What is printed on a terminal: tables, progress, the summary at the end of a run."""
