"""The data contract: columns, types, rules of a row, mapping of a source."""
