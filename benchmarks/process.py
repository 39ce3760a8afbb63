"""What the kernel tells of another process."""

import os
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; raises OSError where it is gone."""
    return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()


def cpu_s(pid: int) -> float:
    """CPU seconds it has used; raises OSError where it is gone."""
    fields = stat(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def rss_mib(pid: int) -> int:
    """Memory it holds; raises OSError where it is gone."""
    return int(stat(pid)[21]) * PAGE >> 20
