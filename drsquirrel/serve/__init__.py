"""Serve: the API, the metrics and the page over HTTP, from what is stored already rendered."""
