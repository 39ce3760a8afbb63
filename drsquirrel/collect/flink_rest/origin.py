"""Numbers what one watch says: per container and run, from 0 in each epoch."""

from itertools import count

from drsquirrel.model.event import Origin


class Origins:
    """The counters of one watch. A pair of container and run has an epoch of its own, so that the
    numbers of what belongs together have no holes; `forget` begins new ones.
    """

    def __init__(self, cluster: str, token: str) -> None:
        self.flink_version = ""
        self._cluster = cluster
        self._token = token
        self._epochs = count()
        self._counters: dict[tuple[str, str, int], tuple[str, count[int]]] = {}

    def next(self, container: str = "", job: str = "", start_ms: int = 0) -> Origin:
        """The origin of the next event about this run, or (job empty) this container."""
        key = (container, job, start_ms)
        if key not in self._counters:
            self._counters[key] = (f"{self._token}-{next(self._epochs)}", count())
        epoch, numbers = self._counters[key]
        return Origin(
            cluster=self._cluster,
            producer="flink-rest",
            epoch=epoch,
            sequence=next(numbers),
            container=container,
            flink_version=self.flink_version,
        )

    def forget_container(self, container: str) -> None:
        """The process is gone: one of the same name is another one."""
        self._counters = {k: v for k, v in self._counters.items() if k[0] != container}

    def forget_run(self, job: str, start_ms: int) -> None:
        self._counters = {k: v for k, v in self._counters.items() if k[1:] != (job, start_ms)}

    def forget_all(self) -> None:
        self._counters.clear()
