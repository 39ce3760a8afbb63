"""One page that says whether a Flink job is healthy, why not, and what to change."""
