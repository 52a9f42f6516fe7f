"""What is kept of a home's past, and what may go."""
