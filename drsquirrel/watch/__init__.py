"""Turns events into minute rollups and snapshots: pure, and the same bytes in any order."""
