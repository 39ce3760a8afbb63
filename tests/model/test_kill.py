"""What the words and codes of those who run processes say of an end."""

import pytest

from drsquirrel.model.kill import TEXT_CHARACTERS, Kill, kill_of

MB = 2**20
HADOOP_3 = (
    "[2026-11-23 12:17:05.916]Container [pid=4729,containerID=container_1795436173422_0001_01_"
    "000002] is running 13361152B beyond the 'PHYSICAL' memory limit. Current usage: 844.7 MB of "
    "832 MB physical memory used; 2.5 GB of 1.7 GB virtual memory used. Killing container.\n"
    "[2026-11-23 12:17:05.954]Container killed on request. Exit code is 137\n"
    "[2026-11-23 12:17:05.955]Container exited with a non-zero exit code 137. \n"
)
"""As recorded from a NodeManager of Hadoop 3.4."""
HADOOP_2 = (
    "Container [pid=1,containerID=c] is running beyond virtual memory limits. Current usage: 300 "
    "MB of 1 GB physical memory used; 2.5 GB of 2.1 GB virtual memory used. Killing container."
)


def test_a_kill_for_physical_memory_tells_how_much_was_used_of_what() -> None:
    kill = kill_of(HADOOP_3, -104)
    assert kill is not None and kill.is_for_memory
    assert (kill.why, kill.by, kill.exit_code) == ("physical-memory", "the NodeManager", -104)
    assert kill.used_bytes is not None and round(kill.used_bytes / MB, 1) == 844.7
    assert kill.limit_bytes == 832 * MB


def test_the_words_count_though_the_process_ended_by_a_signal() -> None:
    kill = kill_of(HADOOP_3)
    assert kill is not None
    assert (kill.why, kill.exit_code) == ("physical-memory", 137)


def test_a_kill_for_virtual_memory_is_told_apart() -> None:
    kill = kill_of(HADOOP_2)
    assert kill is not None and kill.is_for_memory
    assert (kill.why, kill.limit_bytes) == ("virtual-memory", int(2.1 * 2**30))
    assert kill_of("is running 1B beyond the 'VIRTUAL' memory limit.", -103) == Kill(
        why="virtual-memory", exit_code=-103, by="the NodeManager"
    )


@pytest.mark.parametrize(
    ("text", "code", "why", "told"),
    [
        ("Container c is failed. Exit code:-104. Diagnostics: ", None, "physical-memory", -104),
        ("exited with  exitCode: -104\nFailing this attempt", None, "physical-memory", -104),
        ("(exitCode=137, reason=OOMKilled, message=null)", None, "physical-memory", 137),
        ("Exit code from container container_1_0001_01_000005 is : 143", None, "signal", 143),
        ("Killing by SIGKILL. Exit code: -104 then exit code 137", None, "physical-memory", -104),
        ("", 137, "signal", 137),
        ("", -102, "preempted", -102),
        ("Container released on a *lost* node", -100, "node-lost", -100),
        ("Container killed by the ApplicationMaster.", -105, "released", -105),
        ("", 239, "exit", 239),
    ],
)  # fmt: skip
def test_codes_are_read_from_texts_as_yarn_flink_and_kubernetes_write_them(
    text: str, code: int | None, why: str, told: int
) -> None:
    kill = kill_of(text, code)
    assert kill is not None
    assert (kill.why, kill.exit_code) == (why, told)


def test_who_killed_is_told_where_it_is_known() -> None:
    assert kill_of("reason=OOMKilled") == Kill(why="physical-memory", by="Kubernetes")


@pytest.mark.parametrize("text", ["", "The TaskExecutor is shutting down.", "exit code 0"])
def test_where_nobody_tells_of_a_kill_there_is_none(text: str) -> None:
    assert kill_of(text) is None
    assert kill_of(text, 0) is None


def test_a_text_without_end_is_read_to_a_bound_and_numbers_that_are_none_are_left_out() -> None:
    assert kill_of(" " * TEXT_CHARACTERS + HADOOP_3) is None
    kill = kill_of("beyond the 'PHYSICAL' memory limit. 1.2.3 GB of 1 GB physical memory used")
    assert kill is not None
    assert (kill.used_bytes, kill.limit_bytes) == (None, 2**30)
