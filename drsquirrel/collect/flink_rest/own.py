"""The cluster in which a job of our own runs: the only one of which more is asked than to read."""

import re

import yarl

from drsquirrel.collect.flink_rest.client import FlinkClient

JOB = re.compile(r"[0-9a-f]{32}")


class OwnFlink(FlinkClient):
    """A client that may end a job."""

    async def cancel(self, job: str) -> None:
        """Ask for the end of a job; raises FlinkError."""
        assert JOB.fullmatch(job), job
        await self._asked("PATCH", yarl.URL(f"{self.url}/jobs/{job}?mode=cancel"))
