"""The table of demo jobs: what each does, what is wrong with it, and which operator is to blame."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from demo.cluster import Cluster

JOB_CLASS = "com.example.shop.ShopJob"
SLOW_MACHINE = "-Dshop.slow.machine=true"
CONFIG = MappingProxyType(
    {
        "execution.checkpointing.interval": "5 s",
        "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.attempts": "1000000",
        "restart-strategy.fixed-delay.delay": "5 s",
    }
)


@dataclass(frozen=True)
class Scenario:
    """One job and what a good diagnosis says about it."""

    name: str
    """What it shows, in kebab case."""
    story: str
    """The same in a sentence, for people."""
    args: str
    """The arguments of ShopJob."""
    expected: tuple[str, ...] = ()
    """Cause codes, the best first; any of them is right. Empty: there is nothing to find."""
    culprit: str | None = None
    """The operator to blame; None where it is a process or the cluster, or nothing."""
    job: str = ""
    """The job's name in Flink; the scenario's where it is empty."""
    operators: tuple[str, str, str, str] = ("orders", "parse", "enrich", "ledger")
    """The names of source, first map, second step and sink."""
    parallelism: int = 2
    config: Mapping[str, str] = field(default_factory=dict)
    """Beside CONFIG."""
    heap_mb: int = 256
    """The heap of a TaskManager it needs; another than the default asks for its own cluster."""
    slow_machine: bool = False
    """Whether the second TaskManager is the slow one."""

    @property
    def job_name(self) -> str:
        return self.job or self.name


DEMO = (
    Scenario(
        "healthy",
        "keeps up easily",
        "--rate 400 --sink pause:500",
        job="orders-enrichment",
    ),
    Scenario(
        "slow-sink",
        "the ledger takes 240 payments per second, and 400 come",
        "--rate 400 --payload 2000 --sink pause:8333",
        ("slow-sink",),
        "ledger",
        job="payments-to-ledger",
        operators=("payments", "parse", "risk", "ledger"),
    ),
    Scenario(
        "slow-sink-chained",
        "the same slow sink, but the whole job is one chain: no backpressure to see anywhere",
        "--rate 400 --payload 2000 --to-enrich forward --to-sink forward --sink pause:8333",
        ("slow-sink",),
        "archive",
        job="invoices-to-archive",
        operators=("invoices", "parse", "convert", "archive"),
    ),
    Scenario(
        "hot-key",
        "nine of ten clicks are one customer's, and one subtask gets them all",
        "--rate 500 --payload 2000 --hot-percent 90 --enrich pause:4000",
        ("data-skew-hot-key",),
        "count-per-customer",
        job="clicks-per-customer",
        operators=("clicks", "parse", "count-per-customer", "dashboard"),
        parallelism=4,
    ),
    Scenario(
        "restart-loop",
        "one order without address throws the same exception each time it is read again",
        "--rate 400 --enrich reject:1500",
        ("poison-record", "user-code-exception"),
        "validate",
        job="shipments-import",
        operators=("shipments", "parse", "validate", "warehouse"),
    ),
)

FAULTS = (
    Scenario(
        "cpu-bound",
        "scoring takes 4 ms of CPU per order: 250 per second on one thread, and 400 come",
        "--rate 400 --payload 2000 --to-enrich rebalance --enrich spin:4000",
        ("cpu-bound-operator",),
        "enrich",
        parallelism=1,
    ),
    Scenario(
        "lock",
        "the subtasks of a TaskManager wait for one lock, held 5 ms per order",
        "--rate 600 --payload 2000 --to-enrich rebalance --enrich lock:5000",
        ("user-lock-contention",),
        "enrich",
        parallelism=4,
    ),
    Scenario(
        "slow-lookup",
        "each order waits 8 ms for a price server in the middle of the job",
        "--rate 400 --payload 2000 --to-enrich rebalance --enrich socket:8000",
        ("slow-external-lookup", "blocking-external-call-in-operator"),
        "enrich",
    ),
    Scenario(
        "slow-socket",
        "the sink writes to a real server on TCP that takes 8 ms to answer",
        "--rate 400 --payload 2000 --sink socket:8000",
        ("slow-sink",),
        "ledger",
    ),
    Scenario(
        "slow-subtask-by-data",
        "a customer with a tenth of the orders has eight times the items in each",
        "--rate 400 --payload 2000 --hot-percent 10 --enrich items:4000:8",
        ("data-skew",),
        "enrich",
        parallelism=4,
    ),
    Scenario(
        "slow-subtask-by-machine",
        "on one of two machines each order takes eight times as long",
        "--rate 400 --payload 2000 --to-enrich rebalance --enrich machine:2000:8",
        ("straggler-node",),
        "enrich",
        parallelism=4,
        slow_machine=True,
    ),
    Scenario(
        "gc-pressure",
        "a cache fills most of a small heap and is rewritten all the time",
        "--rate 400 --enrich garbage:70:40",
        ("gc-pressure",),
        parallelism=1,
        heap_mb=160,
    ),
    Scenario(
        "heap-oom",
        "remembers something of each order until the heap is full",
        "--rate 400 --enrich leak:8",
        ("heap-oom", "heap-leak"),
        "enrich",
        parallelism=1,
        heap_mb=160,
    ),
    Scenario(
        "checkpoint-timeout",
        "barriers wait behind many records for a slow sink, longer than the timeout allows",
        "--rate 400 --payload 100 --sink pause:20000",
        ("slow-sink", "checkpoint-timeout-backpressure"),
        "ledger",
        config={
            "execution.checkpointing.timeout": "10 s",
            "execution.checkpointing.tolerable-failed-checkpoints": "1000000",
        },
    ),
    Scenario(
        "too-many-slots",
        # It holds all slots while it waits for the others: no other job can start beside it.
        "asks for more slots than the cluster has",
        "--rate 400",
        ("not-enough-slots",),
        parallelism=64,
    ),
    Scenario(
        "npe",
        "user code trips over a null at one order",
        "--rate 400 --enrich npe:1500",
        ("user-code-npe", "poison-record"),
        "enrich",
    ),
    Scenario(
        "bad-record",
        "one record cannot be parsed",
        "--rate 400 --parse malformed:1500",
        ("deserialization-bad-record", "poison-record"),
        "parse",
    ),
    Scenario(
        "no-restart",
        "the first exception ends the job, since it has no restart strategy",
        "--rate 400 --enrich reject:1500",
        ("user-code-exception",),
        "enrich",
        config={"restart-strategy.type": "none"},
    ),
)

BENIGN = (
    Scenario(
        "bursty",
        "every 30 s many orders come at once; the lag is gone after a few seconds",
        "--rate 200 --period-ms 30000 --burst-ms 3000 --sink pause:2000",
    ),
    Scenario(
        "sleeping-source",
        "the source sleeps between records: always busy, never behind",
        "--rate 400 --sleeping 1",
    ),
    Scenario("nearly-idle", "one order per second", "--rate 1"),
    Scenario("bounded", "reads 8,000 orders in 20 s and is finished", "--rate 400 --limit 8000"),
    Scenario(
        "catching-up",
        "began with 160,000 orders to catch up with, and does so in less than two minutes",
        "--rate 400 --backlog 160000 --sink pause:1000",
    ),
    Scenario(
        "chained",
        "the whole job is one chain, as SQL makes them, and keeps up",
        "--rate 400 --to-enrich forward --to-sink forward --sink pause:1000",
    ),
)

SCENARIOS = MappingProxyType({s.name: s for s in (*DEMO, *FAULTS, *BENIGN)})


def cluster_for(scenario: Scenario, version: str, progress: Callable[[str], None]) -> Cluster:
    """A cluster, not yet started, on which the scenario shows what it is to show."""
    return Cluster(
        version,
        heap_mb=scenario.heap_mb,
        jvm_args={1: [SLOW_MACHINE]} if scenario.slow_machine else {},
        fast_start=True,
        progress=progress,
    )


def submit(cluster: Cluster, scenario: Scenario) -> str:
    """Start the scenario's job; returns its id once Flink has accepted it."""
    return cluster.run(
        JOB_CLASS,
        name=scenario.job_name,
        args=["--names", ",".join(scenario.operators), *scenario.args.split()],
        parallelism=scenario.parallelism,
        config={**CONFIG, **scenario.config},
    )
