"""Brings in what Flink says, as events: all network and file reading of the watched side."""
