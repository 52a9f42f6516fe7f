"""The data contract: columns, types, rules of a row and of a table, quarantine, variants, pseudonyms."""
