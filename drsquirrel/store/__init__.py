"""Store: what was seen and judged, kept across restarts and searchable."""
