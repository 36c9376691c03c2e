"""The key table and the user's own keys."""
