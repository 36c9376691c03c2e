"""The key table, what is made of it, and a person's own keys."""
