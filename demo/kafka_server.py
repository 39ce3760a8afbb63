"""Starts a Kafka broker with the topics of the plugin and keeps it until Ctrl-C."""

import argparse
import socket
import sys
import time
from pathlib import Path

from demo import plugin
from demo.broker import Broker
from demo.ending import interrupt_at_signals
from demo.saying import announce, saying
from drsquirrel.collect.kafka.connection import BrokerError

PORT = 9092
WATCH_S = 2.0
say = saying("kafka")


def main(arguments: list[str]) -> int:
    told = parse(arguments)
    interrupt_at_signals()
    try:
        serve(told.port, told.print_address_to)
    except KeyboardInterrupt:
        say("stopped; Kafka has ended, and its data is gone")
    except (RuntimeError, BrokerError) as error:
        say(str(error))
        return 1
    return 0


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make kafka", description=__doc__)
    parser.add_argument("--port", type=int, default=PORT, metavar="N", help="0: a free one")
    parser.add_argument(
        "--print-address-to",
        type=Path,
        metavar="FILE",
        help="write the broker's address to FILE once it runs and has its topics",
    )
    return parser.parse_args(arguments)


def serve(port: int, address_file: Path | None) -> None:
    """Run the broker until interrupted; raises RuntimeError or BrokerError if that fails."""
    if port and is_taken(port):
        raise RuntimeError(f"Port {port} is in use: take another one (make kafka PORT=N).")
    with Broker(port=port, progress=say) as broker:
        made = plugin.make_topics(broker.address)
        say(f"{len(made)} topics are made")
        if address_file is not None:
            announce(address_file, broker.address)
        say(f"Kafka is at {broker.address}; Ctrl-C ends it")
        while broker.is_alive:
            time.sleep(WATCH_S)
        raise RuntimeError(f"Kafka ended by itself\n{broker.log_tail()}")


def is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
