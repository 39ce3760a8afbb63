"""Adds what events do not tell: plans and settings of runs, YARN, thread dumps."""
