"""Values as shops write them, read as the types of the data contract; what cannot be read becomes null."""
