"""Which parts an instance watches, told by a group that does as the test says."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from drsquirrel.collect.kafka.connection import Access
from drsquirrel.collect.kafka.shares import Member
from drsquirrel.instance import BROKE, TAKING_UP, Instance
from drsquirrel.model.snapshot import Snapshot
from drsquirrel.rules.load import load
from drsquirrel.settings import Cluster, Kafka, Settings
from drsquirrel.store.error import AwayError, DamagedError, DiskError
from drsquirrel.store.interface import Claim, Offset, Retention
from drsquirrel.store.sqlite import SqliteStore
from tests.test_cli import refused

NOBODY = "127.0.0.1:1"


class Flaky(SqliteStore):
    """A store of which nobody learns the offsets while it is away."""

    is_away = False

    def offsets(self) -> list[Offset]:
        if self.is_away:
            raise AwayError("gone")
        return super().offsets()


@dataclass
class Group:
    """What a member was told."""

    owned: frozenset[int]
    partitions: int = 2
    sharings: int = 1


class Watched:
    """An instance, and what it shares."""

    def __init__(self, store: Flaky, thread: ThreadPoolExecutor) -> None:
        self.store = store
        self.group = Group(frozenset({0, 1}))
        kafka = Kafka(brokers=NOBODY)
        settings = Settings(cluster=(Cluster(name="c", url=f"http://{NOBODY}"),), kafka=kafka)
        access = Access(brokers=NOBODY)
        self.instance = Instance(settings, kafka, access, load(), store, thread, str)

    async def own(self) -> str:
        says = TAKING_UP
        while says == TAKING_UP:
            says = await self.instance._own(cast(Member, self.group))
            await asyncio.sleep(0.1)  # as long as Kafka is asked
        return says

    @property
    def parts(self) -> dict[int, Any]:
        return dict(self.instance._parts)

    def fence(self, number: int) -> None:
        """Somebody else claims a part, and ours finds out."""
        self.store.claim(number, 2)
        self.parts[number].app.list_jobs()
        assert self.parts[number].app.is_fenced


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    with closing(Flaky(tmp_path, Retention())) as store, ThreadPoolExecutor(1) as thread:
        made = Watched(store, thread)
        yield made
        await made.instance._leave(made.parts)


async def test_a_store_that_goes_away_when_a_part_is_taken_up_ends_nobody(watched: Watched) -> None:
    watched.store.is_away = True
    assert await watched.own() == "gone" and not watched.parts
    watched.store.is_away = False
    assert await watched.own() == "" and watched.parts.keys() == {0, 1}


async def test_the_group_is_asked_between_two_parts_that_are_taken_up(watched: Watched) -> None:
    assert await watched.instance._own(cast(Member, watched.group)) == TAKING_UP
    assert watched.parts.keys() == {0}
    watched.group.owned = frozenset({0})
    assert await watched.own() == "" and watched.parts.keys() == {0}


async def test_a_cluster_of_which_something_stored_is_damaged_is_watched(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def damaged(cluster: str, since_ms: int) -> Iterator[Snapshot]:
        raise DamagedError("A snapshot is damaged.")
        yield

    monkeypatch.setattr(watched.store, "load_hour", damaged)
    assert await watched.own() == "" and watched.parts.keys() == {0, 1}
    assert "of cluster c some is left out: A snapshot is damaged." in caplog.text


async def test_what_the_store_refuses_is_tried_again_later(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def full(part: int, parts: int) -> Claim:
        asked.append(part)
        raise DiskError("full")

    monkeypatch.setattr(watched.store, "claim", full)
    for _ in range(6):
        await watched.own()
    assert sorted(asked) == [0, 1] and not watched.parts


async def test_what_another_has_claimed_is_missing_for_as_long_as_we_wait(watched: Watched) -> None:
    await watched.own()
    watched.fence(1)
    for _ in range(3):
        assert await watched.own() == BROKE and watched.parts.keys() == {0}


async def test_what_the_group_gives_us_anew_is_claimed_at_once(watched: Watched) -> None:
    await watched.own()
    watched.fence(1)
    await watched.own()
    watched.group.sharings += 1
    assert await watched.own() == "" and watched.parts.keys() == {0, 1}
    watched.group.sharings += 1
    await watched.own()
    watched.fence(1)  # while we slept, before the group shared out
    assert await watched.own() == "" and not watched.parts[1].app.is_fenced


async def test_parts_are_given_up_together(watched: Watched) -> None:
    watched.group.partitions = 8
    watched.group.owned = frozenset(range(8))
    await watched.own()
    watched.group.owned = frozenset()
    began_s = time.monotonic()
    await watched.own()
    assert not watched.parts and time.monotonic() - began_s < 4


def test_serve_without_a_cluster_says_where_to_name_one() -> None:
    assert refused(2, "serve", "--kafka", "a:1") == (
        "No cluster to watch: give --config FILE with [[cluster]] tables, --flink URL, or "
        "--yarn URL."
    )
