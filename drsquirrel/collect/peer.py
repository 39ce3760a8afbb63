"""Reads the reports of a running Dr. Squirrel over its own API."""

from urllib.parse import quote

import aiohttp
import msgspec

from drsquirrel.collect.flink_rest.error import FlinkError, NotFlinkError, UnreachableError
from drsquirrel.model.report import JobList, Report

TIMEOUT_S = 10.0
BODY_MAX_BYTES = 64 << 20


async def reports_of(url: str, wanted: str) -> list[Report]:
    """The reports of all jobs, or of the job with this JobID, id or name; [] if there is none.

    Raises NotFlinkError if nobody there speaks our API.
    """
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    try:
        async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as session:
            jobs = msgspec.json.decode(await _body(session, f"{url}/api/v1/jobs"), type=JobList)
            rows = [r for r in jobs.jobs if wanted in ("", r.job.id, r.job.name, r.run.job_id)]
            bodies = [
                await _body(session, f"{url}/api/v1/runs/{quote(r.run.id)}/report") for r in rows
            ]
            return [msgspec.json.decode(body, type=Report) for body in bodies]
    except msgspec.MsgspecError:
        raise NotFlinkError(
            f"{url} is neither Flink's REST API nor a Dr. Squirrel of this version."
        ) from None
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise UnreachableError(f"{url} does not answer as a Dr. Squirrel: {error}") from None


async def _body(session: aiohttp.ClientSession, url: str) -> bytes:
    async with session.get(url, allow_redirects=False) as response:
        body = await response.content.read(BODY_MAX_BYTES)
        if response.status == 503:
            raise FlinkError("That Dr. Squirrel has not looked at a cluster yet: try again soon.")
        if response.status != 200:
            raise NotFlinkError(
                f"{url.partition('/api/')[0]} is neither Flink's REST API nor a Dr. Squirrel."
            )
        return body
