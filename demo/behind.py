"""Starts what stands between Kafka and the service, a PostgreSQL and a Flink with the watcher, and
keeps it until Ctrl-C."""

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from demo import plugin, watcher
from demo.cluster import Cluster
from demo.ending import interrupt_at_signals
from demo.postgres import PASSWORD, Postgres
from demo.saying import announce, saying

NAME = "watcher"
"""Of the watcher's own cluster, which is watched too."""
WATCH_S = 2.0
say = saying("watcher")


def main() -> int:
    arguments = parse(sys.argv[1:])
    interrupt_at_signals()
    try:
        serve(arguments)
    except KeyboardInterrupt:
        say("stopped; PostgreSQL and the watcher's Flink have ended, and their data is gone")
    except RuntimeError as error:
        say(str(error))
        return 1
    return 0


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo.behind", description=__doc__)
    parser.add_argument("--kafka", required=True, metavar="HOST:PORT")
    parser.add_argument("--flink", required=True, metavar="URL", help="the cluster to watch")
    parser.add_argument("--flink-name", required=True, metavar="NAME", help="what it is called")
    parser.add_argument(
        "--settings-to", required=True, type=Path, metavar="FILE", help="for `drsquirrel serve`"
    )
    return parser.parse_args(arguments)


def serve(told: argparse.Namespace) -> None:
    """Run both until interrupted; raises RuntimeError if one fails."""
    cluster = Cluster(
        taskmanagers=1,
        slots=2,
        heap_mb=384,
        metaspace_mb=256,
        progress=say,
        plugins={"drsquirrel": plugin.build(say)},
        config={**watcher.MANAGED_MEMORY, **plugin.options(NAME, told.kafka)},
    )
    with TemporaryDirectory(prefix="demo-watcher-") as folder, Postgres() as postgres, cluster:
        say(f"PostgreSQL is at 127.0.0.1:{postgres.port}")
        password = Path(folder, "password")
        password.write_text(PASSWORD)
        text = (
            f'database = "{postgres.url()}"\ndatabase_password_file = "{password}"\n'
            f'thread_dumps = true\n[kafka]\nbrokers = "{told.kafka}"\n'
            f'[[cluster]]\nname = "{told.flink_name}"\nurl = "{told.flink}"\n'
            f'[[cluster]]\nname = "{NAME}"\nurl = "{cluster.url}"\n'
        )
        settings = Path(folder, "drsquirrel.toml")
        settings.write_text(text)
        kept = f"execution.checkpointing.dir={Path(folder, 'checkpoints').as_uri()}"
        watcher.submit(cluster.url, "--config", str(settings), "-D", kept)
        say(f"FlinkJobWatcher runs on the Flink at {cluster.url}")
        announce(told.settings_to, text)
        while postgres.is_alive and "jobmanager" in cluster.pids:
            time.sleep(WATCH_S)
        raise RuntimeError(f"it ended by itself\n{cluster.log_tail()}")


if __name__ == "__main__":
    sys.exit(main())
