"""A real ResourceManager and NodeManager with a real Flink session: what they tell of it."""

import asyncio
import getpass
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from demo.scenarios import JOB_CLASS
from demo.yarn import Yarn
from demo.yarn_session import YarnSession
from drsquirrel.cluster import SystemClock
from drsquirrel.collect.flink_rest.error import FlinkError, GoneError
from drsquirrel.collect.yarn.client import ProxiedFlinkClient, YarnClient
from drsquirrel.enrich.yarn_facts import YarnFactsSource, running
from drsquirrel.model.kill import kill_of
from drsquirrel.model.yarn import YarnContainer, YarnFacts
from tests.conftest import need_maven

pytestmark = pytest.mark.flink

LIMIT_BYTES = 832 * 2**20
MORE_HEAP = {"env.java.opts.taskmanager": "-Xmx1500m"}
"""Beyond what its container may take."""
PATIENCE_S = 60


@pytest.fixture(scope="module")
def session() -> Iterator[YarnSession]:
    need_maven()
    with Yarn() as yarn:
        yield YarnSession(yarn, config=MORE_HEAP)


@pytest.fixture
async def client(session: YarnSession) -> AsyncIterator[YarnClient]:
    async with YarnClient(session.yarn.url) as client:
        yield client


async def facts_of(source: YarnFactsSource, application: str) -> YarnFacts:
    found = await source.look_up(application)
    assert found.value is not None, found.says
    return found.value


async def test_a_session_is_found_with_its_user_queue_launch_and_containers(
    session: YarnSession, client: YarnClient
) -> None:
    [listed] = await running(client)
    assert (listed.application, listed.name) == (session.application, session.name)
    facts = await facts_of(YarnFactsSource(client, SystemClock()), session.application)
    assert (facts.user, facts.queue) == (getpass.getuser(), "root.default")
    assert facts.launched_ms is not None and 0 < time.time() * 1000 - facts.launched_ms < 300_000
    assert (facts.state, facts.complete, facts.is_over) == ("RUNNING", True, False)
    master = facts.containers[0]
    assert (master.memory_mib, master.vcores, master.state) == (704, 1, "RUNNING")
    assert master.node.endswith(session.yarn.node_url.rpartition(":")[2])
    async with ProxiedFlinkClient(client.proxy(session.application)) as flink:
        assert (await flink.get("/overview"))["flink-version"] == "2.3.0"
    with pytest.raises(GoneError, match=r"doesn't exist|not found"):
        await client.get("/ws/v1/cluster/apps/application_1_0001")


async def test_a_taskmanager_killed_for_memory_is_told_by_the_nodemanager_alone(
    session: YarnSession, client: YarnClient
) -> None:
    args = ["--rate", "400", "--enrich", "leak:64"]
    job = session.run(JOB_CLASS, name="leaks", args=args)
    [taskmanager] = session.taskmanagers()
    source = YarnFactsSource(client, SystemClock())
    killed = await killed_in(source, session.application, taskmanager)
    assert killed.kill is not None
    assert killed.kill.why == "physical-memory"
    by = {"NodeManager": -104, "NodeManager's log": 143}
    assert killed.exit_code == by[killed.said_by], "a busy machine may leave the log alone"
    assert killed.kill.limit_bytes == LIMIT_BYTES < (killed.kill.used_bytes or 0)
    assert killed.memory_mib == 832
    of_log = kill_of(await client.log_of(killed.node, taskmanager))
    assert of_log is not None and of_log.is_for_memory and of_log.limit_bytes == LIMIT_BYTES
    told = session.rest.get(f"/jobs/{job}/exceptions")["exceptionHistory"]["entries"]
    # "The TaskExecutor is shutting down", or on a busy machine that it cannot be reached.
    assert told and not [one for one in told if kill_of(one["stacktrace"])], "Flink cannot tell"


async def killed_in(source: YarnFactsSource, application: str, container: str) -> YarnContainer:
    for _ in range(PATIENCE_S):
        facts = await facts_of(source, application)
        for told in facts.containers:
            if told.id == container and told.is_over:
                return told
        await asyncio.sleep(1)
    raise AssertionError("the container was not killed")


async def test_an_application_that_was_killed_is_over(
    session: YarnSession, client: YarnClient
) -> None:
    session.yarn.kill_application(session.application)
    for _ in range(PATIENCE_S):
        if not await running(client):
            break
        await asyncio.sleep(1)
    facts = await facts_of(YarnFactsSource(client, SystemClock()), session.application)
    assert (facts.state, facts.final_status, facts.is_over) == ("KILLED", "KILLED", True)
    async with ProxiedFlinkClient(client.proxy(session.application)) as flink:
        with pytest.raises(FlinkError, match="its YARN application may be over"):
            await flink.get("/overview")
