"""A ResourceManager and a NodeManager that answer as recorded ones did, and note what was asked."""

import copy
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from tests.collect.flink_rest.server import serving

ANSWERS = Path(__file__).parent / "answers"
APPLICATION = "application_1795436173422_0001"
MASTER = "container_1795436173422_0001_01_000001"
TASKMANAGER = "container_1795436173422_0001_01_000002"
KILLED_EARLIER = "container_1795435612914_0001_01_000005"
"""Of another application: only the log tells of it."""
LISTING = '<a href="/logs/yarn-rm.log">x</a><a href="/logs/yarn-nodemanager-nm1.log">y</a>'


def answer(name: str) -> Any:
    return json.loads((ANSWERS / name).read_text("utf-8"))


class SimulatedYarn:
    """Both managers at one address; `flink` is what stands behind the proxy."""

    def __init__(self) -> None:
        self.url = ""
        self.flink = ""
        self.asked: list[tuple[str, str, str]] = []
        """Method, path, and Authorization, of each request."""
        self.applications = {APPLICATION: answer("application-running.json")["app"]}
        self.node: dict[str, Any] = {
            c["id"]: c for c in answer("node-containers.json")["containers"]["container"]
        }
        self.killed = self.node[TASKMANAGER]
        self.node[TASKMANAGER] = self.killed | {
            "state": "RUNNING",
            "exitCode": -1000,
            "diagnostics": "",
        }
        self.listed = [MASTER, TASKMANAGER]
        self.log: str | None = (ANSWERS / "nodemanager.log").read_text("utf-8")
        self.leads_to = ""
        """Where a standby ResourceManager sends to."""
        self.down = self.node_down = False

    def kill(self) -> None:
        """The NodeManager kills the TaskManager for its memory, and tells so."""
        self.node[TASKMANAGER] = self.killed

    def forget(self, container: str) -> None:
        """Neither tells of a container any more."""
        self.node.pop(container)
        self.listed.remove(container)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        path = request.rel_url.raw_path_qs
        self.asked.append((request.method, path, request.headers.get("Authorization", "")))
        if path.startswith("/ws/v1/cluster/"):
            if self.down:
                return web.json_response({"RemoteException": {"message": "busy"}}, status=503)
            if self.leads_to:
                text = "This is standby RM. The redirect url is: …"
                headers = {"Location": f"{self.leads_to}{path}"}
                return web.Response(status=307, text=text, headers=headers)
            return self._cluster(path.removeprefix("/ws/v1/cluster/"))
        if path.startswith("/proxy/"):
            return await self._proxied(path)
        if self.node_down:
            return web.Response(status=503)
        if path == "/ws/v1/node/containers":
            found = {"container": list(self.node.values())} if self.node else {}
            return web.json_response({"containers": found})
        if path.startswith("/logs/") and self.log is not None:
            is_listing = path == "/logs/"
            return self._text(request, LISTING if is_listing else self.log)
        return web.Response(status=404)

    def _text(self, request: web.Request, text: str) -> web.Response:
        told = request.headers.get("Range", "bytes=-100000").removeprefix("bytes=-")
        return web.Response(status=206, body=text.encode()[-int(told) :])

    def _cluster(self, path: str) -> web.Response:
        of = [a for a in self.applications.values() if a["state"] == "RUNNING"]
        if path.startswith("apps?"):
            one = of[0] if len(of) == 1 else of
            return web.json_response({"apps": {"app": one} if of else {}})
        id_ = path.split("/")[1]
        if id_ not in self.applications:
            told = {"RemoteException": {"message": f"app with id: {id_} not found"}}
            return web.json_response(told, status=404)
        if path.endswith("/containers"):
            return web.json_response({"container": [self._listed(c) for c in self.listed]})
        return web.json_response({"app": self.applications[id_]})

    def _listed(self, container: str) -> Any:
        told = copy.deepcopy(answer("container-listed-alone.json")["container"])
        memory = "704" if container == MASTER else "832"
        return told | {
            "containerId": container,
            "allocatedMB": memory,
            "nodeHttpAddress": self.url,
        }

    async def _proxied(self, path: str) -> web.Response:
        _, _, id_, rest = path.split("/", 3)
        if self.applications[id_]["state"] != "RUNNING":
            return web.Response(status=302, headers={"Location": f"/cluster/app/{id_}"})
        async with aiohttp.ClientSession() as session, session.get(f"{self.flink}/{rest}") as got:
            return web.Response(
                status=got.status, body=await got.read(), content_type="application/json"
            )

    def end(self, state: str = "KILLED", diagnostics: str = "") -> None:
        """The application is over."""
        self.applications[APPLICATION] |= {
            "state": state,
            "finalStatus": state,
            "finishedTime": 1_795_436_603_052,
            "diagnostics": diagnostics,
        }

    def paths(self) -> list[str]:
        """The paths asked since the last call."""
        asked, self.asked = self.asked, []
        return [path for _, path, _ in asked]


@asynccontextmanager
async def simulated_yarn() -> AsyncIterator[SimulatedYarn]:
    yarn = SimulatedYarn()
    async with serving(yarn.handle) as url:
        yarn.url = url
        yield yarn
