"""Writes the reports of the page's tests to web/fixtures: `python -m tests.show.page.fixtures`."""

from pathlib import Path

import msgspec

from drsquirrel.model.report import JobList, Report
from tests.show.page.building import MADE_MS, at, cluster, row
from tests.show.page.cases import (
    ended,
    healthy,
    hot_key,
    many_vertices,
    nothing_known,
    restart_loop,
    silent,
)
from tests.show.page.hostile import hostile
from tests.show.page.killed_on_yarn import killed_on_yarn
from tests.show.page.slow_sink import slow_sink

FOLDER = Path(__file__).parents[3] / "web" / "fixtures"


def reports() -> dict[str, Report]:
    """Every report, by the name of its file, in the order of the list."""
    return {
        "slow-sink": slow_sink(),
        "restart-loop": restart_loop(),
        "killed-on-yarn": killed_on_yarn(),
        "hostile": hostile(),
        "hot-key": hot_key(),
        "many-vertices": many_vertices(),
        "silent": silent(),
        "nothing-known": nothing_known(),
        "healthy": healthy(),
        "ended": ended(),
    }


def job_list(**made: Report) -> JobList:
    """The list with a line for each report, and three clusters, two of which do not answer."""
    rows = [row(report) for report in (made or reports()).values()]
    says = "Connection refused. Is the JobManager running, and is the address right?"
    return JobList(
        made_ms=MADE_MS,
        jobs=rows,
        clusters=[
            cluster("prod-eu", "answering"),
            cluster("prod-us", "answering"),
            cluster("stage", "silent", says, at(13, 59)),
            cluster("test", "connecting", "", None),
            cluster("application_1795435612914_0007", "ended", "", at(13, 40)),
        ],
    )


def documents() -> dict[str, bytes]:
    """Every file of web/fixtures, as it should be."""
    made: dict[str, object] = dict(reports().items())
    made["jobs"] = job_list()
    return {
        f"{name}.json": msgspec.json.format(msgspec.json.encode(thing), indent=1) + b"\n"
        for name, thing in made.items()
    }


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        (FOLDER / name).write_bytes(text)
