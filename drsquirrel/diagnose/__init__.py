"""Diagnosis: from the last hour of rollups and the rules to a report. Pure, `now` included."""
