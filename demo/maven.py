"""Runs Maven, which fetches Kafka and builds the plugin."""

import shutil
import subprocess
from pathlib import Path


def maven(pom: Path, *goals: str) -> None:
    """Run these goals of a project; raises RuntimeError with what Maven said, or how to get it."""
    if shutil.which("mvn") is None:
        raise RuntimeError(
            "There is no Maven (mvn) here. Kafka and the plugin need it, and a JDK of 17 or newer. "
            "On Debian and Ubuntu: apt-get install maven"
        )
    done = subprocess.run(
        ["mvn", "-q", "-B", "-f", str(pom), *goals], capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = f"{done.stdout[-4000:]}{done.stderr}".strip()
        raise RuntimeError(f"Maven failed at {' '.join(goals)} of {pom.parent.name}:\n{said}")
