"""Packs what the watcher's functions need on the hosts of TaskManagers: our code, and an
environment of Python packages beside an interpreter that is there."""

import sys
import zipfile
from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import Distribution, distribution
from pathlib import Path

ROOTS = ("apache-flink", "msgspec", "google-re2", "zstandard")
"""What the functions import; and what these require."""
LEFT_OUT = ("apache-flink-libraries", "google-re2-stubs")
"""Flink's own jars, which are on its hosts."""
INTERPRETER = f"python{sys.version_info.major}.{sys.version_info.minor}"
LAUNCHER = f"""\
#!/bin/sh
here=$(cd "$(dirname "$0")/.." && pwd)
PYTHONPATH="$here/packages${{PYTHONPATH:+:$PYTHONPATH}}" exec {INTERPRETER} "$@"
"""
EXECUTABLE = 0o755 << 16
OURS = Path(__file__).parent
STEADY = (1980, 1, 1, 0, 0, 0)
"""The time of every file in an archive: the same code gives the same bytes."""


def code(folder: Path) -> Path:
    """An archive of our own modules, to go before others on the path."""
    archive = folder / "drsquirrel.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in sorted(OURS.rglob("*.py")):
            name = file.relative_to(OURS.parent).as_posix()
            packed.writestr(zipfile.ZipInfo(name, STEADY), file.read_bytes())
    return archive


def environment(folder: Path) -> Path:
    """An archive of packages with bin/python, which runs the interpreter of its host with them. One
    that was packed before of the same versions is taken again."""
    needed = sorted(_needed(), key=lambda one: one.name)
    versions = "".join(f"{one.name}=={one.version}\n" for one in needed)
    told = sha256(f"{INTERPRETER}\n{versions}".encode()).hexdigest()[:12]
    archive = folder / f"packages-{told}.zip"
    if archive.exists():
        return archive
    making = archive.with_suffix(".part")
    with zipfile.ZipFile(making, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        launcher = zipfile.ZipInfo("bin/python", STEADY)
        launcher.external_attr = EXECUTABLE
        packed.writestr(launcher, LAUNCHER)
        for one in needed:
            for file, name in _files(one):
                packed.write(file, f"packages/{name}")
    return making.rename(archive)


def _needed() -> Iterator[Distribution]:
    """The distributions that the functions import, directly or not. Raises PackageNotFoundError."""
    from packaging.requirements import Requirement  # PyFlink brings it

    todo, done = list(ROOTS), set(LEFT_OUT)
    while todo:
        name = todo.pop()
        if name.lower() in done:
            continue
        done.add(name.lower())
        found = distribution(name)
        yield found
        for told in found.requires or ():
            requirement = Requirement(told)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                todo.append(requirement.name)


def _files(one: Distribution) -> Iterator[tuple[Path, str]]:
    for file in one.files or ():
        path = Path(str(one.locate_file(file)))
        if ".." not in file.parts and path.is_file() and "__pycache__" not in file.parts:
            yield path, file.as_posix()
