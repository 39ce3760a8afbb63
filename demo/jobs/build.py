"""Builds shop-jobs.jar from src/: the same sources and compiler give the same bytes."""

import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from demo.flink_home import flink_home

SOURCES = Path(__file__).parent / "src"
JAR = Path(__file__).parent / "shop-jobs.jar"
FLINK = "2.3.0"
# The oldest Java a supported Flink runs on.
RELEASE = "11"
TIMESTAMP = (1980, 1, 1, 0, 0, 0)
MANIFEST = "META-INF/MANIFEST.MF"


def javac_version() -> str | None:
    """The major version of the javac on the PATH, e.g. "17", or None."""
    if shutil.which("javac") is None:
        return None
    said = subprocess.run(["javac", "-version"], capture_output=True, text=True, check=True)
    found = re.search(r"javac (\d+)", said.stdout + said.stderr)
    return found.group(1) if found else None


def compile_classes(sources: Iterable[Path] = (), flink: str = FLINK) -> dict[str, bytes]:
    """The compiled classes by their path in the jar, of the demo's jobs or of other sources; raises
    CalledProcessError on a javac error."""
    libraries = f"{flink_home(flink) / 'lib'}/*"
    files = sorted(map(str, sources or SOURCES.rglob("*.java")))
    with tempfile.TemporaryDirectory() as folder:
        options = ["--release", RELEASE, "-g:source,lines", "-Xlint:all,-classfile", "-Werror"]
        subprocess.run(
            ["javac", *options, "-proc:none", "-cp", libraries, "-d", folder, *files], check=True
        )
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(Path(folder).rglob("*.class"))
        }


def write_jar(classes: dict[str, bytes], jar: Path = JAR) -> None:
    manifest = f"Manifest-Version: 1.0\r\nBuild-Jdk-Spec: {javac_version()}\r\n\r\n".encode()
    with zipfile.ZipFile(jar, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in {MANIFEST: manifest, **classes}.items():
            out.writestr(zipfile.ZipInfo(name, TIMESTAMP), content, zipfile.ZIP_DEFLATED)


def read_jar(jar: Path = JAR) -> tuple[str, dict[str, bytes]]:
    """The compiler's major version the jar was built with, and its classes by path."""
    with zipfile.ZipFile(jar) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    found = re.search(rb"Build-Jdk-Spec: (\d+)", entries.pop(MANIFEST))
    return (found.group(1).decode() if found else ""), entries


if __name__ == "__main__":
    write_jar(compile_classes())
    print(f"{JAR} ({JAR.stat().st_size} bytes)", file=sys.stderr)
