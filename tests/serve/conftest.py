"""A shelf of rendered pages and rules in memory, and a built page on disk, to serve in tests."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from litestar.testing import TestClient

from drsquirrel.model.report import (
    Advice,
    Answer,
    ClusterRow,
    Culprit,
    Data,
    JobList,
    JobRef,
    JobRow,
    LastHour,
    LogList,
    Onset,
    Report,
    RunRef,
)
from drsquirrel.model.verdict import Confidence, Verdict
from drsquirrel.serve.pages import (
    Rendered,
    RulePage,
    RuleRef,
    RuleSection,
    RuleThreshold,
)
from drsquirrel.serve.site import Site

FLINK_ID = "0123456789abcdef0123456789abcdef"
JOB = JobRef(id="job-1", cluster="demo", name="orders")
RUN = RunRef(id="run-1", job_id=FLINK_ID, start_ms=1, state="RUNNING", flink_version="2.3.0")
REPORT = Report(
    made_ms=1_700_000_000_000,
    job=JOB,
    run=RUN,
    verdict=Verdict.FAILING,
    headline="The sink `orders` is slow.",
    causes=[
        Answer(
            code="slow-sink",
            question="why-does-the-bottleneck-limit",
            title="The system behind a sink is slow",
            confidence=Confidence.LIKELY,
            culprit=Culprit(vertex="Sink: orders", subtasks=(0, 1)),
            onset=Onset(earliest_ms=1, latest_ms=2),
            evidence=(),
            advice=(Advice(title="Write in batches"),),
        )
    ],
    hour=LastHour(from_ms=0),
    data=Data(age_ms=5_000, observed_minutes=10),
    facts=[("checkpoints", "every 10 s")],
)
JOBS = JobList(
    made_ms=1_700_000_000_000,
    jobs=[
        JobRow(
            job=JOB,
            run=RUN,
            verdict=Verdict.FAILING,
            headline=REPORT.headline,
            subline="",
            since_ms=None,
            cells="_" * 60,
            records_per_s=(None, 3.5),
            data_age_ms=5_000,
        )
    ],
    clusters=[
        ClusterRow(
            id="demo", url="http://127.0.0.1:1", state="answering", says="", last_answer_ms=1
        )
    ],
)
RULE = RulePage(
    code="checkpoint-slow",
    kind="check",
    title="Checkpoints come close to their timeout",
    sections=(RuleSection(heading="How to fix", text="See which part is long."),),
    thresholds=(
        RuleThreshold(name="warn_share", default=0.5, value=0.4, unit="", help="Warn from here."),
    ),
)


LOGS = Rendered(msgspec.json.encode(LogList(lines=[], complete=True)), "logs-1")


class Shelf:
    """Pages and handbook in memory: what the store and the rules are to the running program."""

    def __init__(self) -> None:
        self.list_of_jobs: Rendered | None = Rendered(msgspec.json.encode(JOBS), "jobs-1")
        self.reports = {"run-1": Rendered(msgspec.json.encode(REPORT), "run-1-a")}
        self.runs_of_jobs = {"job-1": "run-1", "job-new": "run-new"}
        self.runs_of_flink_jobs = {FLINK_ID: "run-1"}
        self.why_not: str | None = None

    def jobs(self) -> Rendered | None:
        return self.list_of_jobs

    def report(self, run_id: str) -> Rendered | None:
        return self.reports.get(run_id)

    def run_of_job(self, job_id: str) -> str | None:
        return self.runs_of_jobs.get(job_id)

    def run_of_flink_job(self, flink_job_id: str) -> str | None:
        return self.runs_of_flink_jobs.get(flink_job_id)

    def logs(self, run_id: str) -> Rendered | None:
        return LOGS if run_id in self.reports else None

    def metrics(self) -> str:
        return "# TYPE drsquirrel_rounds_total counter\ndrsquirrel_rounds_total 3\n"

    def ready(self) -> str | None:
        return self.why_not

    def rules(self) -> list[RuleRef]:
        return [RuleRef(code=RULE.code, kind=RULE.kind, title=RULE.title)]

    def rule(self, code: str) -> RulePage | None:
        return RULE if code == RULE.code else None


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def page_dir(tmp_path: Path) -> Path:
    page = tmp_path / "page"
    (page / "assets").mkdir(parents=True)
    (page / "index.html").write_text("<!doctype html><title>Dr. Squirrel</title>")
    (page / "favicon.svg").write_text("<svg/>")
    (page / "assets" / "index-abc123.js").write_text("export {}")
    (tmp_path / "secret.txt").write_text("canary")
    (page / "link.txt").symlink_to(tmp_path / "secret.txt")
    return page


@pytest.fixture
def site(shelf: Shelf, page_dir: Path) -> Site:
    return Site(shelf, shelf, page_dir)


@pytest.fixture
def client(site: Site) -> Iterator[TestClient[Site]]:
    with TestClient(site, base_url="http://127.0.0.1:8641") as made:
        yield made
