import pytest

from drsquirrel.enrich.stack import FRAMES_MAX, STACK_CHARACTERS_MAX, samples_of
from drsquirrel.model.facts import JobFacts, Vertex, bounded
from tests.enrich.recorded import VERSIONS, samples

BOTTOM = "\tat app//org.apache.flink.runtime.taskmanager.Task.run(Task.java:579)\n"


def facts(*names: str, parallelism: int = 2) -> JobFacts:
    vertices = tuple(Vertex(id=n, name=n, parallelism=parallelism) for n in names)
    return JobFacts(cluster="c", job="j", start_ms=1, name="x", vertices=vertices)


def dump(name: str, header: str, *frames: str) -> dict[str, list[dict[str, str]]]:
    stack = "".join(f"\tat {frame}\n" for frame in frames)
    text = f'"{name}" {header}\n{stack}{BOTTOM}\n\n'
    return {"threadInfos": [{"threadName": name, "stringifiedThreadInfo": text}]}


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_lock_is_told_with_its_holder(version: str) -> None:
    enrich = [s for s in await samples(f"threads-{version}", "lock") if s.task == "enrich"]
    # Two dumped TaskManagers, three dumps each, two subtasks in each: one waits for the other.
    assert len(enrich) == 12
    blocked = [s for s in enrich if s.state == "BLOCKED"]
    assert len(blocked) in (5, 6)
    for sample in blocked:
        assert sample.waits_for.startswith("java.lang.Object@")
        others = {
            f"enrich ({s.subtask + 1}/4)#0" for s in enrich if s.container == sample.container
        }
        assert sample.held_by in others - {f"enrich ({sample.subtask + 1}/4)#0"}
        assert sample.frames[0] == "com.example.shop.work.SharedRates.on(SharedRates.java:19)"


@pytest.mark.parametrize("version", VERSIONS)
async def test_frames_are_told_without_modules_loaders_and_lambda_numbers(version: str) -> None:
    for sample in await samples(f"threads-{version}", "slow-socket"):
        assert sample.frames[-1].startswith("java.lang.Thread.run(")
        assert not [f for f in sample.frames if "/" in f.partition("(")[0]]
        assert any(f.startswith("org.apache.flink.") for f in sample.frames)


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_task_of_the_run_is_there_once_per_dump_and_none_of_its_timers(
    version: str,
) -> None:
    found = await samples(f"threads-{version}", "invoices-to-archive")
    assert len(found) == 6
    assert {s.task for s in found} == {"Source: invoices -> parse -> convert -> archive: Writer"}
    assert {s.subtask for s in found} == {0, 1}
    assert len({(s.container, s.thread) for s in found}) == 2


def test_tasks_of_other_names_or_parallelisms_are_left_out() -> None:
    answer = dump("enrich (1/2)#0", "Id=7 RUNNABLE", "a.B.c(B.java:1)")
    assert len(samples_of(answer, "tm", 5, facts("enrich"))[0]) == 1
    assert samples_of(answer, "tm", 5, facts("enrich", parallelism=4)) == ([], 1)
    assert samples_of(answer, "tm", 5, facts("other")) == ([], 1)


def test_a_name_that_flink_cut_is_recognised() -> None:
    answer = dump("Source: orders -> par (2/2)#11", "Id=7 RUNNABLE", "a.B.c(B.java:1)")
    (sample,), _ = samples_of(answer, "tm", 5, facts("Source: orders -> parse"))
    assert (sample.task, sample.subtask) == ("Source: orders -> par", 1)


@pytest.mark.parametrize("told_characters", [900, 1_000, 1_001, 4_000], ids="Flink told {}".format)
def test_a_task_whose_name_is_too_long_to_be_kept_is_found_by_what_is_kept_of_it(
    told_characters: int,
) -> None:
    name = "Calc(select=[" + "a, " * 2_000
    thread = f"{name[:told_characters]} (1/2)#0"
    header = f'Id=7 BLOCKED on java.lang.Object@1 owned by "{thread}" Id=8'
    vertices = facts(bounded(name))
    (sample,), _ = samples_of(dump(thread, header, "a.B.c(B.java:1)"), "tm", 5, vertices)
    assert vertices.vertices[0].name.startswith(sample.task)
    assert sample.held_by == f"{sample.task} (1/2)#0"
    assert len(sample.task) <= 1_001


def test_a_sources_own_thread_of_old_counts_as_the_tasks() -> None:
    answer = dump("Legacy Source Thread - Source: x (1/2)#0", "Id=7 RUNNABLE", "a.B.c(B.java:1)")
    thread = answer["threadInfos"][0]
    assert samples_of(answer, "tm", 5, facts("Source: x"))[0][0].task == "Source: x"
    own = "org.apache.flink.streaming.runtime.tasks.SourceStreamTask$LegacySourceFunctionThread.run"
    thread["stringifiedThreadInfo"] = thread["stringifiedThreadInfo"].replace(
        "org.apache.flink.runtime.taskmanager.Task.run", own
    )
    assert samples_of(answer, "tm", 5, facts("Source: x"))[0][0].task == "Source: x"


def test_a_thread_that_only_has_a_tasks_name_is_no_task() -> None:
    answer = dump("enrich (1/2)#0", "Id=7 RUNNABLE", "a.B.c(B.java:1)")
    thread = answer["threadInfos"][0]
    thread["stringifiedThreadInfo"] = thread["stringifiedThreadInfo"].replace(BOTTOM, "")
    assert samples_of(answer, "tm", 5, facts("enrich")) == ([], 1)


def test_a_parked_thread_waits_for_a_lock_only_if_that_has_an_owner() -> None:
    lock = "java.util.concurrent.locks.ReentrantLock$NonfairSync@1f"
    owned = dump("x (1/2)#0", f'Id=7 WAITING on {lock} owned by "y" (1/2)#0" Id=9')
    (sample,), _ = samples_of(owned, "tm", 5, facts("x"))
    assert (sample.waits_for, sample.held_by, sample.thread) == (lock, 'y" (1/2)#0', 7)
    condition = dump("x (1/2)#0", "Id=7 WAITING on java.util.concurrent.X@1f")
    (sample,), _ = samples_of(condition, "tm", 5, facts("x"))
    assert (sample.state, sample.waits_for, sample.held_by) == ("WAITING", "", "")


def test_java_8_to_17_write_lambdas_and_modules_in_other_ways() -> None:
    answer = dump(
        "x (1/2)#0",
        "Id=7 RUNNABLE (in native)",
        "a.B$$Lambda$123/456789.run(Unknown Source)",
        "a.B$$Lambda$12/0x0000000800f1.run(Unknown Source)",
        "java.base@17.0.9/java.lang.Thread.sleep(Native Method)",
        "loader/module@1.0/a.B.c(B.java:1)",
        "a.B.c(odd/name.java:1)",
    )
    (sample,), _ = samples_of(answer, "tm", 5, facts("x"))
    assert sample.frames[:5] == (
        "a.B$$Lambda.run(Unknown Source)",
        "a.B$$Lambda.run(Unknown Source)",
        "java.lang.Thread.sleep(Native Method)",
        "a.B.c(B.java:1)",
        "a.B.c(odd/name.java:1)",
    )


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {},
        {"threadInfos": None},
        {"threadInfos": [None, 7, {}, {"threadName": "x (1/2)#0"}]},
        {"threadInfos": [{"threadName": "x (1/2)#0", "stringifiedThreadInfo": 7}]},
        {"threadInfos": [{"threadName": "x (1/2)#0", "stringifiedThreadInfo": BOTTOM}]},
    ],
)
def test_an_answer_of_another_shape_has_no_samples(answer: object) -> None:
    assert samples_of(answer, "tm", 5, facts("x"))[0] == []


def test_a_stack_without_end_is_cut() -> None:
    deep = dump("x (1/2)#0", "Id=7 RUNNABLE", *["a.B.c(B.java:1)"] * 5_000)
    assert samples_of(deep, "tm", 5, facts("x"))[0] == []  # its bottom was not seen
    thread = deep["threadInfos"][0]
    header, _, rest = thread["stringifiedThreadInfo"].partition("\n")
    thread["stringifiedThreadInfo"] = f"{header}\n{BOTTOM}{rest}"
    (sample,), _ = samples_of(deep, "tm", 5, facts("x"))
    assert len(sample.frames) == FRAMES_MAX
    assert len("".join(sample.frames)) < STACK_CHARACTERS_MAX
