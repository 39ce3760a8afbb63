"""One page that says whether a Flink job is healthy, why not, and what to change."""

__version__ = "0.1.0"
