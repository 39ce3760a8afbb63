"""A small real Flink cluster with healthy and sick jobs; needs nothing of drsquirrel."""
