"""Starts a small Flink cluster with the demo's jobs and keeps it until Ctrl-C."""

import argparse
import sys
import time
from pathlib import Path

from demo import plugin
from demo.cluster import Cluster
from demo.ending import interrupt_at_signals
from demo.flink_home import VERSIONS
from demo.saying import announce, saying
from demo.scenarios import DEMO, SCENARIOS, Scenario, submit

WATCH_S = 2.0
say = saying("demo")


def main() -> int:
    arguments = parse(sys.argv[1:])
    interrupt_at_signals()
    try:
        serve(arguments)
    except KeyboardInterrupt:
        say("stopped; every process of the demo has ended")
    except RuntimeError as error:
        say(str(error))
        return 1
    return 0


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--version", choices=VERSIONS, default=VERSIONS[0])
    parser.add_argument(
        "--jobs",
        type=scenarios,
        default=list(DEMO),
        metavar="NAME,NAME",
        help=f"which jobs to run, of: {', '.join(SCENARIOS)}",
    )
    parser.add_argument(
        "--print-url-to",
        type=Path,
        metavar="FILE",
        help="write the cluster's REST address to FILE once it runs",
    )
    parser.add_argument(
        "--cluster-name", default="demo", metavar="NAME", help="what the plugin calls the cluster"
    )
    parser.add_argument(
        "--kafka", metavar="HOST:PORT", help="run Flink with the plugin, which sends to this Kafka"
    )
    return parser.parse_args(arguments)


def scenarios(text: str) -> list[Scenario]:
    unknown = set(text.split(",")) - set(SCENARIOS)
    if unknown:
        raise argparse.ArgumentTypeError(f"no such job: {', '.join(sorted(unknown))}")
    return [SCENARIOS[name] for name in text.split(",")]


def serve(told: argparse.Namespace) -> None:
    """Run the cluster and the jobs until interrupted; raises RuntimeError if the cluster fails."""
    with cluster_for(told) as cluster:
        for job in told.jobs:
            submit(cluster, job)
            say(f"started {job.job_name} ({job.name}): {job.story}")
        if told.print_url_to is not None:
            announce(told.print_url_to, cluster.url)
        say(f"{len(told.jobs)} jobs on Flink {told.version} at {cluster.url}; Ctrl-C ends it")
        while "jobmanager" in cluster.pids:
            time.sleep(WATCH_S)
        raise RuntimeError(f"the JobManager ended by itself\n{cluster.log_tail()}")


def cluster_for(told: argparse.Namespace) -> Cluster:
    """The cluster, not yet started; with the plugin, which is built, where there is a Kafka."""
    plugins, config = {}, {}
    if told.kafka:
        plugins["drsquirrel"] = plugin.build(say)
        config = plugin.options(told.cluster_name, told.kafka)
    return Cluster(told.version, fast_start=True, progress=say, plugins=plugins, config=config)


if __name__ == "__main__":
    sys.exit(main())
