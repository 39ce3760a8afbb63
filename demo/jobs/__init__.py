"""The demo's jobs: Java sources under src/, and the jar built from them, which is committed."""
