"""Root causes, one a file: why, and what to change."""
