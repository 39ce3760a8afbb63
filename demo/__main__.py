"""Starts a small Flink cluster with the demo's jobs and keeps it until Ctrl-C."""

import argparse
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from demo.cluster import Cluster
from demo.flink_home import VERSIONS
from demo.scenarios import DEMO, SCENARIOS, Scenario, submit

WATCH_S = 2.0


def main() -> int:
    arguments = parse(sys.argv[1:])
    # Each leaves the with-block in order, even where a shell has started us with Ctrl-C ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        serve(arguments.version, arguments.jobs, arguments.print_url_to)
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
    return parser.parse_args(arguments)


def scenarios(text: str) -> list[Scenario]:
    unknown = set(text.split(",")) - set(SCENARIOS)
    if unknown:
        raise argparse.ArgumentTypeError(f"no such job: {', '.join(sorted(unknown))}")
    return [SCENARIOS[name] for name in text.split(",")]


def serve(version: str, jobs: list[Scenario], url_file: Path | None) -> None:
    """Run the cluster and the jobs until interrupted; raises RuntimeError if the cluster fails."""
    with Cluster(version, fast_start=True, progress=say) as cluster:
        for job in jobs:
            submit(cluster, job)
            say(f"started {job.job_name} ({job.name}): {job.story}")
        if url_file is not None:
            # Whoever waits for the file shall not read half an address.
            unfinished = url_file.with_name(url_file.name + ".part")
            unfinished.write_text(cluster.url + "\n")
            unfinished.rename(url_file)
        say(f"{len(jobs)} jobs on Flink {version} at {cluster.url}; Ctrl-C ends it")
        while "jobmanager" in cluster.pids:
            time.sleep(WATCH_S)
        raise RuntimeError(f"the JobManager ended by itself\n{cluster.log_tail()}")


def interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} demo: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
