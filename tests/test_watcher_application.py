"""FlinkJobWatcher in Flink's application mode, as on Kubernetes: Flink starts its main program."""

from pathlib import Path
from random import Random

import pytest

from demo import watcher
from demo.broker import Broker
from demo.cluster import Cluster
from tests.conftest import need_maven, need_pyflink
from tests.watched_job import ENOUGH_S, OPEN_MS, Watched, Watcher, arrivals, settings

pytestmark = [pytest.mark.flink, pytest.mark.alone, pytest.mark.timeout(600)]


def test_flink_starts_it_and_it_tells_what_one_process_tells(
    broker: Broker, tmp_path: Path
) -> None:
    need_maven()
    need_pyflink()
    [pyflink] = (watcher.PYTHON.parents[1] / "lib").glob(
        "python3.*/site-packages/pyflink/opt/flink-python-*.jar"
    )
    config = {
        **watcher.MANAGED_MEMORY,
        "python.client.executable": str(watcher.PYTHON),
        "execution.checkpointing.dir": (tmp_path / "checkpoints").as_uri(),
        "parallelism.default": "1",
    }
    told = settings(broker, "application-", tmp_path)
    begin = tmp_path / "begin.py"
    begin.write_text("from drsquirrel.cli import main\n\nmain()\n")
    main = ("org.apache.flink.client.python.PythonDriver", "-py", str(begin))
    with Cluster(
        taskmanagers=1,
        slots=1,
        heap_mb=384,
        metaspace_mb=256,
        config=config,
        lib=[pyflink, *sorted(watcher.jars().glob("*.jar"))],
        opt=pyflink.parent,
        application=(*main, "watcher", "run", "--config", str(told)),
    ) as flink:
        job = Watcher(flink, broker, "application-", tmp_path)
        found = Watched(broker, "application-")
        found.send(arrivals(5, Random(3)))
        found.close_windows(OPEN_MS + 3_600_000)
        found.until(lambda: not found.differing(), 2 * ENOUGH_S)
        assert found.differing() == [], flink.log_tail()
        code, said, why = job.does("status")
        assert code == 0 and "RUNNING" in said, why
