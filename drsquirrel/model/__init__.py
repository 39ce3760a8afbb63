"""The nouns every stage speaks of: metric names, events, rollups, facts, verdicts, the report."""
