"""Our opaque ids: short, stable hashes, the same on every machine and after every restart."""

from hashlib import blake2b

import msgspec


def job_id(cluster: str, name: str) -> str:
    """The id of the job `name` of a cluster."""
    return _short("job", cluster, name)


def run_id(cluster: str, job: str, start_ms: int) -> str:
    """The id of one start of a job; `job` is Flink's JobID, which alone may be constant."""
    return _short("run", cluster, job, start_ms)


def container_id(cluster: str, container: str) -> str:
    """The id of one Flink process; `container` is Flink's resource id."""
    return _short("container", cluster, container)


def _short(*parts: str | int) -> str:
    return blake2b(msgspec.json.encode(parts), digest_size=6).hexdigest()
