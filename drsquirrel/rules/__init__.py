"""Rules: one file per health check and per root cause, found by their place, listed nowhere."""
