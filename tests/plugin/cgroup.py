"""A group of processes whose memory and processor the kernel limits, where one can be made."""

import contextlib
import itertools
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path("/sys/fs/cgroup")
PERIOD_US = 100_000
EMPTY_S = 20.0
_NUMBERS = itertools.count()


class Version(NamedTuple):
    """The names of files in one version of cgroups."""

    memory_limit: str
    memory_used: str
    memory_peak: str
    oom_kills: tuple[str, str]
    """A file, and the word before the number in it."""


ONE = Version(
    "memory.limit_in_bytes",
    "memory.usage_in_bytes",
    "memory.max_usage_in_bytes",
    ("memory.oom_control", "oom_kill"),
)
TWO = Version("memory.max", "memory.current", "memory.peak", ("memory.events", "oom_kill"))


class Cgroup:
    """Whoever calls `enter` is in it, and so are its children."""

    def __init__(self, version: Version, folders: Mapping[str, Path]) -> None:
        self._version = version
        self._folders = folders
        """By controller; in version 2 the same for each."""

    def enter(self) -> None:
        _move(self.folders)

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """This process is in it meanwhile, so that what it starts is born there."""
        before = {_own(self._version, controller) for controller in self._folders}
        self.enter()
        try:
            yield
        finally:
            _move(before)

    @property
    def folders(self) -> set[Path]:
        return {*self._folders.values()}

    @property
    def memory(self) -> Path:
        return self._folders["memory"]

    @property
    def throttled_ms(self) -> int:
        """For how long its processes had to wait for the next period of the processor."""
        word, to_ms = ("throttled_usec", 1e-3) if self._version is TWO else ("throttled_time", 1e-6)
        return int(_number(self._folders["cpu"] / "cpu.stat", word) * to_ms)

    @property
    def used_bytes(self) -> int:
        return int((self.memory / self._version.memory_used).read_text())

    @property
    def peak_bytes(self) -> int:
        """What the pages of files take in it counts too."""
        return int((self.memory / self._version.memory_peak).read_text())

    @property
    def kills(self) -> int:
        """How many processes the kernel has killed in it for want of memory."""
        file, word = self._version.oom_kills
        return _number(self.memory / file, word)

    def limit_memory(self, max_bytes: int) -> None:
        (self.memory / self._version.memory_limit).write_text(str(max_bytes))

    def limit_cpus(self, cpus: float) -> None:
        quota_us = round(cpus * PERIOD_US)
        if self._version is TWO:
            (self._folders["cpu"] / "cpu.max").write_text(f"{quota_us} {PERIOD_US}")
        else:
            (self._folders["cpu"] / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (self._folders["cpu"] / "cpu.cfs_quota_us").write_text(str(quota_us))


@contextlib.contextmanager
def cgroup(memory_bytes: int, cpus: float | None = None) -> Iterator[Cgroup]:
    """A new one below that of this process, removed at the end; skips the test where the kernel
    does not let us make one."""
    try:
        group = _made(memory_bytes, cpus)
    except OSError as error:
        pytest.skip(f"NO CGROUP CAN BE MADE HERE ({error}): a limit of the kernel is not tried")
    try:
        yield group
    finally:
        for folder in group.folders:
            _remove(folder)


def _made(memory_bytes: int, cpus: float | None) -> Cgroup:
    """Raises OSError, and has then left nothing."""
    name = f"drsquirrel-{os.getpid()}-{next(_NUMBERS)}"
    version = TWO if (ROOT / "cgroup.controllers").exists() else ONE
    controllers = ("memory",) if cpus is None else ("memory", "cpu")
    group = Cgroup(version, {c: _parent(version, c) / name for c in controllers})
    try:
        for folder in group.folders:
            folder.mkdir()
        group.limit_memory(memory_bytes)
        if cpus is not None:
            group.limit_cpus(cpus)
    except OSError:
        for folder in group.folders:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise
    return group


def _number(file: Path, word: str) -> int:
    lines = (line.split() for line in file.read_text().splitlines())
    return next((int(number) for name, number in lines if name == word), 0)


def _move(folders: set[Path]) -> None:
    for folder in folders:
        (folder / "cgroup.procs").write_text(str(os.getpid()))


def _own(version: Version, controller: str) -> Path:
    """The group of this process."""
    wanted = "" if version is TWO else controller
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    paths = [
        path
        for _, names, path in (line.split(":", 2) for line in lines)
        if wanted in names.split(",")
    ]
    if not paths:
        raise OSError(f"there is no controller {controller}")
    return ROOT / wanted / paths[0].lstrip("/")


def _parent(version: Version, controller: str) -> Path:
    """Where a new one may be made: in that of this process, or in version 2 in the nearest whose
    children may be limited."""
    own = _own(version, controller)
    if version is ONE:
        return own
    for folder in (own, *own.parents):
        if not folder.is_relative_to(ROOT):
            break
        if controller in (folder / "cgroup.subtree_control").read_text().split():
            return folder
    raise OSError(f"no group here may limit {controller}")


def _remove(folder: Path) -> None:
    """Once the last of its processes is gone."""
    deadline = time.monotonic() + EMPTY_S
    while True:
        try:
            folder.rmdir()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
