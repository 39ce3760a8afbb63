"""A job on YARN whose TaskManager was killed for its memory, as its page shows it."""

from drsquirrel.model.kill import Kill
from drsquirrel.model.report import (
    Advice,
    Answer,
    Culprit,
    Data,
    Evidence,
    Incident,
    JobRef,
    Onset,
    Report,
    Source,
)
from drsquirrel.model.verdict import Confidence, Stand, Verdict
from drsquirrel.model.yarn import GONE, YarnContainer, YarnFacts
from tests.show.page.building import CALM_HOUR, MADE_MS, at, passed, run

APPLICATION = "application_1795435612914_0001"
KILLED = "container_1795435612914_0001_01_000005"
TITLE = f"TaskManager `{KILLED}` was killed for its memory: 850 MB used, 832 MB allowed"
CULPRIT = Culprit(container=KILLED, host="nm1.example")

ANSWER = Answer(
    code="taskmanager-killed",
    question="Who failed first?",
    title=TITLE,
    confidence=Confidence.CERTAIN,
    culprit=CULPRIT,
    onset=Onset(earliest_ms=at(14, 2), latest_ms=at(14, 2)),
    evidence=(
        Evidence(
            stand=Stand.FOR,
            group="text",
            text="the NodeManager says that it was killed for its memory",
            value="850 MB used, 832 MB allowed",
        ),
    ),
    advice=(
        Advice(
            title="Leave more of its memory to what is outside of Flink's own parts",
            key="taskmanager.memory.jvm-overhead.fraction",
            to="0.2",
        ),
    ),
)


def container(number: int, **more: object) -> YarnContainer:
    return YarnContainer(
        id=f"container_1795435612914_0001_01_{number:06d}",
        node="nm1.example:8042",
        memory_mib=704 if number == 1 else 832,
        vcores=1,
        **more,
    )


def killed_on_yarn() -> Report:
    """One container runs beside the JobManager's, one was killed, of one nobody told its end."""
    kill = Kill(why="physical-memory", exit_code=-104, by="the NodeManager")
    return Report(
        made_ms=MADE_MS,
        job=JobRef(id="payments-fraud", cluster=APPLICATION, name="payments-fraud"),
        run=run(12, state="RESTARTING"),
        verdict=Verdict.FAILING,
        headline=TITLE,
        subline="Certain. Began at 14:02 UTC.",
        since_ms=at(14, 2),
        causes=[ANSWER],
        incidents=[
            Incident(
                began_ms=at(14, 2),
                ended_ms=None,
                cause="taskmanager-killed",
                title=TITLE,
                culprit=CULPRIT,
            )
        ],
        checks=passed("record-skew-high"),
        hour=CALM_HOUR,
        data=Data(
            age_ms=6_000,
            observed_minutes=60,
            sources=(
                Source(name="Flink REST", state="fresh", age_ms=6_000),
                Source(name="YARN", state="fresh", age_ms=9_000),
            ),
        ),
        yarn=YarnFacts(
            application=APPLICATION,
            name="shop-session",
            user="flink",
            queue="root.default",
            state="RUNNING",
            final_status="UNDEFINED",
            launched_ms=at(9, 10),
            containers=(
                container(1, state="RUNNING"),
                container(6, state="RUNNING"),
                container(5, state="DONE", exit_code=-104, kill=kill, said_by="NodeManager"),
                container(4, state=GONE),
            ),
            taken_ms=MADE_MS - 9_000,
        ),
    )
