"""The recordings of real clusters, as the sources of look-ups."""

from pathlib import Path

from drsquirrel.collect.recording import read
from drsquirrel.collect.replay import RecordedClock, RecordedGet
from drsquirrel.enrich.job_facts import JobFactsSource
from drsquirrel.enrich.stack import samples_of
from drsquirrel.model.facts import JobFacts, RunSeen, ThreadSample

FOLDER = Path(__file__).parents[1] / "recordings"
VERSIONS = ("1.18.1", "1.20.5", "2.3.0")


def played(name: str) -> tuple[RecordedGet, RecordedClock]:
    recording = read(FOLDER / f"{name}.recording")
    clock = RecordedClock(recording.begins_ms)
    return RecordedGet(recording, clock), clock


async def runs(get: RecordedGet) -> dict[str, RunSeen]:
    """The runs of a recorded cluster by the names of their jobs."""
    listed = (await get.get("/jobs/overview"))["jobs"]
    return {
        job["name"]: RunSeen(
            cluster="demo",
            job=job["jid"],
            start_ms=job["start-time"],
            name=job["name"],
            state=job["state"],
        )
        for job in listed
    }


async def facts_of(name: str) -> dict[str, JobFacts]:
    """The facts of all jobs of a recording by their names."""
    get, clock = played(name)
    source = JobFactsSource("demo", get, clock)
    found = [await source.look_up(run) for run in (await runs(get)).values()]
    return {look.value.name: look.value for look in found if look.value is not None}


async def samples(name: str, job: str) -> list[ThreadSample]:
    """The threads of one job in all dumps of a recording."""
    facts = (await facts_of(name))[job]
    recording = read(FOLDER / f"{name}.recording")
    found: list[ThreadSample] = []
    for path, asked in recording.asked.items():
        if path.endswith("/thread-dump"):
            for dump in asked:
                get = RecordedGet(recording, RecordedClock(dump.t))
                answer = await get.get(path)
                found += samples_of(answer, path.split("/")[2], dump.t, facts)[0]
    return found
