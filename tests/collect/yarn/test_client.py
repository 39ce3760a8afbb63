"""The client of YARN: it reads by GET alone, follows a standby, and keeps credentials at home."""

from collections.abc import AsyncIterator

import pytest

from drsquirrel.collect.flink_rest.error import (
    FlinkError,
    GoneError,
    RedirectRefusedError,
    RequestRefusedError,
    StatusError,
    UnreachableError,
)
from drsquirrel.collect.flink_rest.settings import PollSettings
from drsquirrel.collect.yarn.client import LOG_TAIL_BYTES, NODES_MAX, ProxiedFlinkClient, YarnClient
from drsquirrel.enrich.yarn_facts import NODE, RUNNING
from tests.collect.yarn.simulated import (
    APPLICATION,
    KILLED_EARLIER,
    MASTER,
    SimulatedYarn,
    simulated_yarn,
)

APP = f"/ws/v1/cluster/apps/{APPLICATION}"


@pytest.fixture
async def yarn() -> AsyncIterator[SimulatedYarn]:
    async with simulated_yarn() as yarn:
        yield yarn


async def test_it_reads_both_managers_by_get_alone(yarn: SimulatedYarn) -> None:
    async with YarnClient(yarn.url) as client:
        assert (await client.get(RUNNING))["apps"]["app"]["id"] == APPLICATION
        assert (await client.get(APP))["app"]["user"] == "flink"
        told = await client.get_of(yarn.url.removeprefix("http://"), NODE)
        assert {c["id"] for c in told["containers"]["container"]} >= {MASTER}
        assert client.proxy(APPLICATION) == f"{yarn.url}/proxy/{APPLICATION}"
    assert {method for method, _, _ in yarn.asked} == {"GET"}


@pytest.mark.parametrize(
    "path",
    [
        f"{APP}/state",
        "/ws/v1/cluster/apps/new-application",
        "/ws/v1/cluster/scheduler-conf",
        "/ws/v1/node/containers/../../../conf",
        "/logs/../conf",
        "/logs/audit.txt",
    ],
)
async def test_it_sends_no_request_that_it_does_not_need(yarn: SimulatedYarn, path: str) -> None:
    async with YarnClient(yarn.url) as client:
        with pytest.raises(RequestRefusedError, match="is not one that is sent to YARN"):
            await client.get(path)
        with pytest.raises(RequestRefusedError):
            await client.get_of(yarn.url, path)
    assert yarn.asked == []


async def test_of_a_nodemanagers_log_only_the_lines_about_an_end_come(yarn: SimulatedYarn) -> None:
    yarn.log = f"{KILLED_EARLIER} Exit code is too far back\n" + "x" * LOG_TAIL_BYTES + yarn.log
    async with YarnClient(yarn.url) as client:
        told = await client.log_of(yarn.url, KILLED_EARLIER)
        lines = told.splitlines()
        assert len(lines) == 2
        assert "is running 18497536B beyond the 'PHYSICAL' memory limit" in lines[0]
        assert lines[1].endswith("_000005 is : 143")
        await client.log_of(yarn.url, MASTER)
    assert yarn.paths() == ["/logs/", *["/logs/yarn-nodemanager-nm1.log"] * 2]


async def test_secrets_in_the_log_and_in_answers_are_hidden(yarn: SimulatedYarn) -> None:
    yarn.log = f"{MASTER} exited with exit code 1: hdfs://me:S3cret-word@nn/x"
    yarn.applications[APPLICATION]["diagnostics"] = "cannot reach hdfs://me:S3cret-word@nn/x"
    async with YarnClient(yarn.url) as client:
        assert "S3cret" not in await client.log_of(yarn.url, MASTER)
        assert "S3cret" not in str(await client.get(APP))


async def test_a_nodemanager_that_serves_no_log_is_said_to_do_so(yarn: SimulatedYarn) -> None:
    yarn.log = None
    async with YarnClient(yarn.url) as client:
        with pytest.raises(FlinkError, match=r"does not serve its log \(hadoop.http.logs"):
            await client.log_of(yarn.url, MASTER)


async def test_a_standby_tells_where_the_active_one_is(yarn: SimulatedYarn) -> None:
    async with simulated_yarn() as standby, YarnClient(standby.url) as client:
        standby.leads_to = yarn.url
        assert (await client.get(APP))["app"]["id"] == APPLICATION
        assert client.url == yarn.url
        standby.paths()
        await client.get(APP)
        assert standby.asked == [], "from then on the active one is asked"
        yarn.leads_to, standby.leads_to = standby.url, ""
        assert (await client.get(APP))["app"]["id"] == APPLICATION
        assert client.url == standby.url


async def test_when_the_active_one_is_gone_the_configured_one_is_asked_again() -> None:
    async with simulated_yarn() as standby, YarnClient(standby.url) as client:
        async with simulated_yarn() as active:
            standby.leads_to = active.url
            await client.get(APP)
        with pytest.raises(UnreachableError, match=r"port 8088 unless configured"):
            await client.get(APP)
        standby.leads_to = ""
        await client.get(APP)
        assert client.url == standby.url


@pytest.mark.parametrize("leads_to", ["http://elsewhere/login?to=", "ftp://a", "http://[", "/x"])
async def test_any_other_redirect_is_not_followed(yarn: SimulatedYarn, leads_to: str) -> None:
    yarn.leads_to = leads_to
    async with YarnClient(yarn.url) as client:
        with pytest.raises(RedirectRefusedError, match="which is not followed"):
            await client.get(APP)


async def test_credentials_go_to_the_configured_resourcemanager_alone(yarn: SimulatedYarn) -> None:
    async with (
        simulated_yarn() as other,
        YarnClient(yarn.url, user="me", password="S3cret") as client,
    ):
        await client.get(APP)
        await client.get_of(other.url, NODE)
        yarn.leads_to = other.url
        with pytest.raises(FlinkError, match="credentials are not sent to: give its address"):
            await client.get(APP)
        assert "S3cret" not in repr(client)
    assert all(authorization.startswith("Basic ") for _, _, authorization in yarn.asked)
    assert [authorization for _, _, authorization in other.asked] == [""]


async def test_what_goes_wrong_is_said_of_the_server_that_it_is_about(yarn: SimulatedYarn) -> None:
    settings = PollSettings(request_timeout_s=1.0)
    async with YarnClient(yarn.url, settings=settings) as client:
        with pytest.raises(GoneError, match=r"HTTP 404: app with id: application_1_1 not found"):
            await client.get("/ws/v1/cluster/apps/application_1_1")
        yarn.down = yarn.node_down = True
        with pytest.raises(StatusError, match=r"HTTP 503: busy\): .*log of the ResourceManager"):
            await client.get(APP)
        with pytest.raises(StatusError, match="look into the log of the NodeManager"):
            await client.get_of(yarn.url, NODE)
    async with YarnClient("http://127.0.0.1:1") as client:
        with pytest.raises(UnreachableError, match="is the ResourceManager running"):
            await client.get(APP)


async def test_through_the_proxy_of_an_application_that_is_over_this_is_said(
    yarn: SimulatedYarn,
) -> None:
    yarn.end()
    async with ProxiedFlinkClient(f"{yarn.url}/proxy/{APPLICATION}") as client:
        with pytest.raises(RedirectRefusedError, match="its YARN application may be over"):
            await client.get("/overview")


async def test_connections_to_nodemanagers_are_bounded(
    yarn: SimulatedYarn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drsquirrel.collect.yarn.client.NODES_MAX", 1)
    async with simulated_yarn() as other, YarnClient(yarn.url) as client:
        for url in (yarn.url, other.url, yarn.url):
            await client.get_of(url, NODE)
            assert list(client._nodes) == [url]
    assert NODES_MAX == 200
