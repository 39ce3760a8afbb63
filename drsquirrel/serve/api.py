"""The routes of the API and of our own health, as a Litestar application.

Reports and the list of jobs go out as the bytes that are stored: nothing is decoded here.
"""

from http import HTTPStatus
from typing import Annotated, Any

from litestar import Litestar, Request, Response, get
from litestar.di import NamedDependency, Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import PathParameter, SkipValidation

from drsquirrel.model.report import JobList, LogList, Report
from drsquirrel.serve.pages import Handbook, Pages, Rendered, RulePage, RuleRef
from drsquirrel.serve.problem import MEDIA_TYPE, Problem, RequestError, answer

END = r"(?!\n)$"
"""In Python, "$" alone also matches before a last newline."""
ID = rf"^[A-Za-z0-9._~-]{{1,64}}{END}"
"""Ids of jobs and runs: what stands in a URL without escaping."""
FLINK_ID = rf"^[0-9a-f]{{32}}{END}"
CODE = rf"^[a-z][a-z0-9]*(-[a-z0-9]+)*{END}"
CODE_CHARS = 64
RETRY_S = 5

NO_CACHE = {"cache-control": "no-cache"}

AnyRequest = Request[Any, Any, Any]
FromPages = NamedDependency[SkipValidation[Pages]]
FromHandbook = NamedDependency[SkipValidation[Handbook]]
Id = Annotated[str, PathParameter(pattern=ID)]
FlinkId = Annotated[str, PathParameter(pattern=FLINK_ID)]
Code = Annotated[str, PathParameter(pattern=CODE, max_length=CODE_CHARS)]


def _problem(description: str) -> ResponseSpec:
    return ResponseSpec(
        Problem, description=description, media_type=MEDIA_TYPE, generate_examples=False
    )


UNCHANGED = {304: ResponseSpec(None, description="Unchanged: the ETag sent is the present one.")}
NOT_YET = {503: _problem("Not made yet; ask again in some seconds.")}
NOT_AN_ID = {400: _problem("Not an id.")}
UNKNOWN = {404: _problem("Unknown.")}
REPORT_RESPONSES = {**UNCHANGED, **NOT_AN_ID, **UNKNOWN, **NOT_YET}


def _rendered(request: AnyRequest, page: Rendered) -> Response[Any]:
    headers = {**NO_CACHE, "etag": f'"{page.etag}"'}
    if page.is_in(request.headers.get("if-none-match")):
        return Response(None, status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(page.body, media_type="application/json", headers=headers)


def _unknown(what: str, detail: str) -> RequestError:
    return RequestError(
        HTTPStatus.NOT_FOUND,
        f"unknown-{what.lower().replace(' ', '-')}",
        f"This {what} is not known.",
        detail,
    )


def _not_yet(title: str) -> RequestError:
    return RequestError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "not-yet",
        title,
        f"Ask again in {RETRY_S} seconds.",
        {"retry-after": str(RETRY_S)},
    )


def _report(request: AnyRequest, pages: Pages, run_id: str) -> Response[Any]:
    page = pages.report(run_id)
    if page is None:
        raise _not_yet("The job is known, but its first report is not made yet.")
    return _rendered(request, page)


def _of_run(request: AnyRequest, page: Rendered | None) -> Response[Any]:
    if page is None:
        raise _unknown(
            "run",
            "Find the runs that are known at /api/v1/jobs. "
            "A run that ended long ago may have been deleted.",
        )
    return _rendered(request, page)


@get(
    "/api/v1/jobs",
    operation_id="listJobs",
    summary="The jobs, worst first, and the clusters behind them",
    responses={**UNCHANGED, **NOT_YET},
    sync_to_thread=True,
)
def list_jobs(request: AnyRequest, pages: FromPages) -> Response[JobList]:
    """The list of jobs."""
    page = pages.jobs()
    if page is None:
        raise _not_yet("The first list of jobs is not made yet.")
    return _rendered(request, page)


@get(
    "/api/v1/jobs/{job:str}/report",
    operation_id="reportOfJob",
    summary="The report of a job's worst live run, else of its latest run",
    responses=REPORT_RESPONSES,
    sync_to_thread=True,
)
def report_of_job(request: AnyRequest, pages: FromPages, job: Id) -> Response[Report]:
    """The report by the id of the job."""
    run_id = pages.run_of_job(job)
    if run_id is None:
        raise _unknown("job", "Find the jobs that are known at /api/v1/jobs.")
    return _report(request, pages, run_id)


@get(
    "/api/v1/runs/{run:str}/report",
    operation_id="reportOfRun",
    summary="The report of one run",
    responses=REPORT_RESPONSES,
    sync_to_thread=True,
)
def report_of_run(request: AnyRequest, pages: FromPages, run: Id) -> Response[Report]:
    """The report by the id of the run."""
    return _of_run(request, pages.report(run))


@get(
    "/api/v1/runs/{run:str}/logs",
    operation_id="logsOfRun",
    summary="The newest log lines of one run, where its processes have the plugin",
    responses={**UNCHANGED, **NOT_AN_ID, **UNKNOWN},
    sync_to_thread=True,
)
def logs_of_run(request: AnyRequest, pages: FromPages, run: Id) -> Response[LogList]:
    """The log lines by the id of the run."""
    return _of_run(request, pages.logs(run))


@get(
    "/api/v1/flink-jobs/{flink_job:str}/report",
    operation_id="reportOfFlinkJob",
    summary="The report of the latest run with a Flink JobID",
    responses=REPORT_RESPONSES,
    sync_to_thread=True,
)
def report_of_flink_job(
    request: AnyRequest, pages: FromPages, flink_job: FlinkId
) -> Response[Report]:
    """The report by Flink's own id."""
    run_id = pages.run_of_flink_job(flink_job)
    if run_id is None:
        raise _unknown(
            "Flink job",
            "Its cluster may not be watched, or it started some seconds ago: "
            "find the clusters and jobs that are known at /api/v1/jobs.",
        )
    return _report(request, pages, run_id)


@get("/api/v1/rules", operation_id="listRules", summary="Every check and cause")
async def list_rules(handbook: FromHandbook) -> list[RuleRef]:
    """The list of rules."""
    return handbook.rules()


@get(
    "/api/v1/rules/{code:str}",
    operation_id="rulePage",
    summary="What one check or cause means, and its thresholds",
    responses={**NOT_AN_ID, **UNKNOWN},
)
async def rule_page(handbook: FromHandbook, code: Code) -> RulePage:
    """The page of one rule."""
    page = handbook.rule(code)
    if page is None:
        raise _unknown("rule", "Find every rule at /api/v1/rules.")
    return page


@get("/metrics", include_in_schema=False, media_type="text/plain; version=0.0.4")
async def metrics(pages: FromPages) -> str:
    """Our own metrics."""
    return pages.metrics()


@get("/livez", include_in_schema=False, media_type="text/plain")
async def livez() -> str:
    """Whether the event loop turns."""
    return "alive\n"


@get("/readyz", include_in_schema=False, media_type="text/plain")
async def readyz(pages: FromPages) -> str:
    """Whether what is shown rests on data."""
    why_not = pages.ready()
    if why_not is not None:
        raise RequestError(HTTPStatus.SERVICE_UNAVAILABLE, "not-ready", "Not ready.", why_not)
    return "ready\n"


ROUTES = (
    list_jobs,
    report_of_job,
    report_of_run,
    logs_of_run,
    report_of_flink_job,
    list_rules,
    rule_page,
    metrics,
    livez,
    readyz,
)


def api(pages: Pages, handbook: Handbook) -> Litestar:
    """The application behind /api, /metrics, /livez and /readyz."""
    return Litestar(
        ROUTES,
        dependencies={
            "pages": Provide(lambda: pages, sync_to_thread=False),
            "handbook": Provide(lambda: handbook, sync_to_thread=False),
        },
        exception_handlers={Exception: answer},
        response_headers={"cache-control": "no-cache"},
        openapi_config=None,
        logging_config=None,
        debug=False,
    )
