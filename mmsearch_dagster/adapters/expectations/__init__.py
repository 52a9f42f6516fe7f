"""Great Expectations: runs the reviewed suites."""
