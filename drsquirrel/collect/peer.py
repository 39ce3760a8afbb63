"""Reads what a running Dr. Squirrel tells over its own API."""

from typing import TypeVar
from urllib.parse import quote

import aiohttp
import msgspec

from drsquirrel.collect.flink_rest.error import FlinkError, NotFlinkError, shown
from drsquirrel.model.report import JobList, Report

TIMEOUT_S = 10.0
BODY_MAX_BYTES = 64 << 20
JOBS = "/api/v1/jobs"
NOT_YET = b"urn:drsquirrel:problem:not-yet"
T = TypeVar("T")


async def reports_of(url: str, wanted: str) -> list[Report]:
    """The reports of all jobs, or of those with this JobID, id or name, in the order of its list.

    Raises NotFlinkError if nobody there speaks our API, FlinkError if it does but cannot answer.
    """
    async with _session() as session:
        jobs = await _answer(session, url, JOBS, JobList)
        rows = [r for r in jobs.jobs if wanted in ("", r.job.id, r.job.name, r.run.job_id)]
        paths = (f"/api/v1/runs/{quote(row.run.id, safe='')}/report" for row in rows)
        return [await _answer(session, url, path, Report) for path in paths]


async def watched_by(url: str) -> list[str]:
    """The addresses of the clusters it watches; raises as `reports_of` does."""
    async with _session() as session:
        jobs = await _answer(session, url, JOBS, JobList)
    return [cluster.url for cluster in jobs.clusters]


def _session() -> aiohttp.ClientSession:
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    return aiohttp.ClientSession(timeout=timeout, trust_env=False)


async def _answer(session: aiohttp.ClientSession, url: str, path: str, kind: type[T]) -> T:
    body = bytearray()
    try:
        async with session.get(url + path, allow_redirects=False) as response:
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > BODY_MAX_BYTES:
                    raise FlinkError(f"{url} answers with more than {BODY_MAX_BYTES >> 20} MiB.")
    except TimeoutError:
        raise FlinkError(
            f"{url} does not answer as a Dr. Squirrel within {TIMEOUT_S:g} s."
        ) from None
    except aiohttp.ClientResponseError:
        raise NotFlinkError(f"{url} does not speak HTTP.") from None
    except (aiohttp.ClientError, OSError) as error:
        raise FlinkError(f"{url} breaks off its answer ({shown(str(error))}): try again.") from None
    if response.status == 503 and NOT_YET in body:
        raise FlinkError(f"The Dr. Squirrel at {url} has just started: try again in some seconds.")
    if response.status != 200:
        raise NotFlinkError(f"{url} is neither Flink's REST API nor a Dr. Squirrel.")
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise NotFlinkError(
            f"{url} is neither Flink's REST API nor a Dr. Squirrel of this version."
        ) from None
