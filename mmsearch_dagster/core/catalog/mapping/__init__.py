"""`source.yaml` as records: files, columns, conditions, joins, and the hosts that media may come from."""
