"""Rules and figures about whole tables of the data contract."""
