"""On a full disk a write fails as a whole, says so, and works again once there is space."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from drsquirrel.store.error import DirectoryError, DiskError
from drsquirrel.store.interface import Batch, Memory, Retention
from drsquirrel.store.sqlite import SqliteStore
from tests.store import made
from tests.store.made import RUN_ID


@contextmanager
def file_size_limit(size_bytes: int) -> Iterator[None]:
    """No file of this process may grow beyond; Python ignores the signal that comes with it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def large(number: int) -> Batch:
    """Much of everything, and 400 kB that do not compress."""
    noise = Memory(run=RUN_ID, body=os.urandom(400_000))
    return replace(made.tick(number, logs=1_000), memories=(noise,))


def test_a_write_beyond_the_limit_is_refused_as_a_whole_and_works_later(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, Retention())
    store.write(made.tick(0))
    before = made.everything(store)
    refused = large(1)
    with file_size_limit(300_000):
        for _ in range(3):
            with pytest.raises(DiskError, match="space"):
                store.write(refused)
        assert made.everything(store) == before
    store.write(refused)
    assert store.memory(RUN_ID) == refused.memories[0].body
    assert len(store.logs(RUN_ID, 2_000).events) == 1_003
    store.close()


def test_a_database_at_its_greatest_size_is_told_as_a_full_disk(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, Retention())
    store.write(made.tick(0))
    ((pages,),) = store._writer.execute("PRAGMA page_count")
    store._writer.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(DiskError, match="is full: free some space"):
        store.write(large(1))
    assert store.memory(RUN_ID) == b"memory 0"
    store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB; only root may make one."""
    if os.geteuid() != 0 or not sys.platform.startswith("linux"):
        pytest.skip("only root can mount a file system")
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(tmp_path)]
    made = subprocess.run(mount, capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"cannot mount here: {made.stderr.strip()}")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def fill(ballast: Path) -> None:
    with ballast.open("ab", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while True:
            file.write(b"x" * 4096)


def test_a_really_full_disk_loses_nothing_and_is_used_again_when_there_is_space(
    small_disk: Path,
) -> None:
    store = SqliteStore(small_disk / "data", Retention())
    store.write(made.tick(0))
    ballast = small_disk / "ballast"
    fill(ballast)
    before = made.everything(store)
    with pytest.raises(DiskError, match="is full: free some space"):
        store.write(large(1))
    assert made.everything(store) == before
    store.close()
    fill(ballast)
    with pytest.raises((DiskError, DirectoryError), match="space"):
        SqliteStore(small_disk / "second", Retention())
    ballast.unlink()
    store = SqliteStore(small_disk / "data", Retention())
    assert made.everything(store) == before
    store.write(made.tick(1))
    assert store.memory(RUN_ID) == b"memory 1"
    store.close()
