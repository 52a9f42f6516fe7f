"""The assets of the graph, one file per group: each calls a step and stores what it reports."""
