"""Values as shops write them, cast to the types of the data contract; what cannot be read becomes null."""
