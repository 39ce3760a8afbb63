"""What is asked of a cluster and kept of it, put together from the settings."""

import pytest

from drsquirrel.cluster import clients_of, shortener
from drsquirrel.settings import Cluster, Kafka, Settings, SettingsError


@pytest.mark.parametrize("pattern", ["", "-[0-9]{8}"])
def test_of_a_jobs_name_that_is_too_long_the_beginning_is_kept(pattern: str) -> None:
    shorten = shortener(pattern)
    name = "insert-into_" + "default_catalog.default_database.orders," * 200
    kept = shorten(name)
    assert kept == name[:1_000] + "…"
    assert shorten(kept) == kept, "a stored name is taken for the same job"
    assert shorten("x" * 1_000) == "x" * 1_000


def test_a_name_is_measured_without_what_the_pattern_cuts_off() -> None:
    assert shortener("-[0-9]{8}")("x" * 1_000 + "-20260101") == "x" * 1_000


def test_a_cluster_without_an_address_is_only_heard_and_needs_a_kafka() -> None:
    asked, heard = Cluster(url="http://a:1", name="asked"), Cluster(name="heard")
    settings = Settings(cluster=(asked, heard), kafka=Kafka(brokers="k:9092"))
    clients = clients_of(settings)
    assert [id_ for id_, client in clients.items() if client is None] == ["heard"]
    with pytest.raises(SettingsError, match="heard has no url, and there is no Kafka"):
        clients_of(Settings(cluster=(heard,)))
    with pytest.raises(SettingsError, match="would both be called heard"):
        clients_of(Settings(cluster=(heard, heard), kafka=Kafka(brokers="k:9092")))
    with pytest.raises(SettingsError, match="needs a url, or a name"):
        clients_of(Settings(cluster=(Cluster(),), kafka=Kafka(brokers="k:9092")))
