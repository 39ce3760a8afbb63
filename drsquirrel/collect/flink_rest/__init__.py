"""Flink's REST API: a client that can only read, and the round that turns answers into events."""
