"""The Flink applications of one YARN: found, watched through its proxy, and told of to the desk."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from msgspec import structs

from drsquirrel import settings as settings_
from drsquirrel.cluster import cluster_id, of_kind, poll_settings
from drsquirrel.collect.flink_rest.client import FlinkClient
from drsquirrel.collect.redaction import Redaction
from drsquirrel.collect.yarn.client import ProxiedFlinkClient, YarnClient
from drsquirrel.enrich.look_up import look_up_all
from drsquirrel.enrich.yarn_facts import AT_ONCE, YarnFactsSource, running
from drsquirrel.model.clock import Clock
from drsquirrel.model.report import YarnRow
from drsquirrel.model.yarn import APPLICATION, YarnFacts
from drsquirrel.rules.wording import plural
from drsquirrel.settings import Cluster, Settings, SettingsError, Yarn

logger = logging.getLogger(__name__)
FIND_EVERY_MS = 30_000
FACTS_EVERY_S = 5.0
WATCHED_MAX = 100
"""Of each YARN, at once: of more it is asked too often."""
LEFT_OUT = (
    "Not watched, as the oldest of those that run there: {n}. {most} are watched at once, and as "
    "many by `drsquirrel serve` for each partition of its topic."
)
KEPT_MS = 24 * 3_600_000
"""An application that is over stays for so long."""
KEPT_MAX = 500


class Clusters(Protocol):
    """Who watches clusters, and is told what YARN says of them. A cluster's id is that of its
    application unless it was set by hand."""

    async def note_search(self, row: YarnRow) -> None:
        """How the search for applications goes."""
        ...

    def awaited(self) -> frozenset[str]:
        """The applications that have sent something and are not watched."""
        ...

    async def adopt(self, id_: str, client: FlinkClient) -> None:
        """Prepare to watch a cluster that was found."""
        ...

    async def watch(self, id_: str, client: FlinkClient) -> None:
        """Watch one that was adopted, until cancelled."""
        ...

    async def note_yarn(self, id_: str, facts: YarnFacts) -> None:
        """What YARN tells of its application now."""
        ...

    async def leave(self, id_: str) -> None:
        """It is watched no more, since its application is over; what is known of it stays."""
        ...

    async def forget(self, id_: str) -> None:
        """Its last pages are too old to be listed."""
        ...


def yarn_client(told: Yarn, settings: Settings) -> YarnClient:
    """A client with the credentials and the redaction of the settings. Raises SettingsError or
    FlinkError for what is wrong."""
    return YarnClient(
        told.url,
        user=told.user,
        password=settings_.secret(told.password_file),
        token=settings_.secret(told.token_file),
        ca_file=Path(told.ca_file) if told.ca_file else None,
        settings=poll_settings(settings),
        redaction=Redaction(settings.redact_keys),
    )


def by_application(settings: Settings) -> dict[str, str]:
    """The ids of the clusters that were set by hand and name an application, by that."""
    found: dict[str, str] = {}
    for cluster in settings.cluster:
        named = APPLICATION.search(f"{cluster.name} {cluster.url}")
        if named:
            found[named[0]] = cluster_id(cluster)
    return found


def yarns_of(settings: Settings) -> list[str]:
    """The addresses of the YARNs. Raises SettingsError or FlinkError for what is wrong."""
    urls = [yarn_client(told, settings).url for told in settings.yarn]
    for url in urls:
        if urls.count(url) > 1:
            raise SettingsError(f"The YARN {url} is given twice: give it once.")
    return urls


def watches_of(
    settings: Settings,
    clusters: Clusters,
    clock: Clock,
    is_ours: Callable[[str], bool] = lambda _: True,
) -> "list[YarnWatch]":
    """One for each YARN of the settings, which have been checked by `yarns_of`. `is_ours`: whether
    a cluster of this id is watched here."""
    return [YarnWatch(told, settings, clusters, clock, is_ours) for told in settings.yarn]


class YarnWatch:
    """Finds the Flink applications of one YARN, and looks up what it tells of them."""

    def __init__(
        self,
        told: Yarn,
        settings: Settings,
        clusters: Clusters,
        clock: Clock,
        is_ours: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self.says = ""
        """Why no applications are found; "" while all is well."""
        self._found: int | None = None
        self._left_out = ""
        self._told = told
        self._settings = settings
        self._client = yarn_client(told, settings)
        self._clusters = clusters
        self._by_hand = by_application(settings)
        self._is_ours = is_ours
        self._clock = clock
        self._source = YarnFactsSource(self._client, clock)
        self._watching: dict[str, tuple[ProxiedFlinkClient, asyncio.Task[None]]] = {}
        """The applications that are watched here, not by hand."""
        self._watched: dict[str, str] = {}
        """The cluster of each application that runs, as far as is known."""
        self._over_ms: dict[str, int] = {}
        """When the applications that are over, and were found here, ended."""

    async def run(self) -> None:
        """Go on until cancelled. What goes wrong is logged once and tried again."""
        found_ms, awaited = -FIND_EVERY_MS, frozenset[str]()
        async with self._client, asyncio.TaskGroup() as group:
            while True:
                try:
                    before, awaited = awaited, self._clusters.awaited()
                    if self._clock.now_ms() - found_ms >= FIND_EVERY_MS or awaited - before:
                        found_ms = self._clock.now_ms()
                        await self._find(group)
                    await self._look_up()
                except Exception as error:
                    # A YARN that does not answer must not end the watching of what it told of.
                    self._say(str(error) or repr(error))
                await self._clusters.note_search(self._row())
                await self._clock.sleep(FACTS_EVERY_S)

    async def _find(self, group: asyncio.TaskGroup) -> None:
        found = [facts.application for facts in await running(self._client)]
        ours = [id_ for id_ in found if self._is_ours(self._by_hand.get(id_, id_))]
        new = [id_ for id_ in ours if id_ not in self._watched]
        room = max(0, WATCHED_MAX - len(self._watched))
        self._found = len(found)
        self._note_left_out(len(new[room:]))
        self._say("")
        for id_, (client, _) in self._watching.items():
            client.move(self._client.proxy(id_))
        for id_ in new[:room]:
            if id_ not in self._by_hand:
                of_rm = structs.replace(self._told, url=self._client.proxy(id_))
                proxy = Cluster(name=id_, **structs.asdict(of_rm))
                client = of_kind(ProxiedFlinkClient, proxy, self._settings)
                await self._clusters.adopt(id_, client)
                self._over_ms.pop(id_, None)
                task = group.create_task(self._clusters.watch(id_, client))
                self._watching[id_] = client, task
            self._watched[id_] = self._by_hand.get(id_, id_)
        oldest_first = sorted(self._over_ms, key=lambda id_: self._over_ms[id_])
        too_many = oldest_first[: max(0, len(oldest_first) - KEPT_MAX)]
        too_old = [i for i in oldest_first if self._clock.now_ms() - self._over_ms[i] > KEPT_MS]
        for id_ in {*too_many, *too_old}:
            del self._over_ms[id_]
            await self._clusters.forget(id_)

    async def _look_up(self) -> None:
        """What YARN tells of the applications that ran a moment ago."""
        watched = dict(self._watched)
        found = await look_up_all(self._source, watched, at_once=AT_ONCE)
        for (id_, cluster), look in zip(watched.items(), found, strict=True):
            if look.value is None:
                continue
            await self._clusters.note_yarn(cluster, look.value)
            if look.value.is_over:
                del self._watched[id_]
                self._source.forget(id_)
                if id_ in self._watching:
                    _, task = self._watching.pop(id_)
                    task.cancel()
                    self._over_ms[id_] = self._clock.now_ms()
                    await self._clusters.leave(cluster)

    def _note_left_out(self, n: int) -> None:
        says = LEFT_OUT.format(n=plural(n, "application"), most=WATCHED_MAX) if n else ""
        if says and not self._left_out:
            logger.warning("YARN at %s: %s", self._client.url, says)
        self._left_out = says

    def _say(self, says: str) -> None:
        """Log that YARN has fallen silent, or answers again: once each."""
        if says and says != self.says:
            logger.warning("YARN at %s: %s", self._client.url, says)
        elif not says and self.says:
            logger.warning("YARN at %s answers again", self._client.url)
        self.says = says

    def _row(self) -> YarnRow:
        return YarnRow(url=self._told.url, found=self._found, says=self.says or self._left_out)
