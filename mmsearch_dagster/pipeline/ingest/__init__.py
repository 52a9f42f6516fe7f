"""From a shop's files to tables that keep the contract."""
