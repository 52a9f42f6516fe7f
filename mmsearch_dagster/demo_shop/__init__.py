"""A made-up shop, drawn and written from one reviewed specification (assets/sample/store.yaml)."""
