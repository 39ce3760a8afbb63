"""What one message says, whatever is in it that nobody reads."""

import pytest

from drsquirrel.collect.kafka.message import Refusal, examined
from drsquirrel.collect.redaction import Redaction
from drsquirrel.model.event import MetricReport, encoder
from tests.watch.made import NOON_MS, report

SAID = encoder.encode(report(1, NOON_MS))[:-1]


@pytest.mark.parametrize(
    "more",
    [
        b',"password":"\xff"}',
        b',"pass\xffword":"x"}',
        b',"password":1e9999}',
        b',"token":' + b"9" * 5_000 + b"}",
    ],
)
def test_what_is_broken_where_nobody_reads_is_refused_and_raises_nothing(more: bytes) -> None:
    assert examined(SAID + more, None, Redaction()) == Refusal("malformed")


def test_any_cluster_may_speak_where_none_is_bound() -> None:
    assert isinstance(examined(SAID + b"}", None, Redaction()), MetricReport)
    assert examined(SAID + b"}", {"other"}, Redaction()) == Refusal("another cluster", "prod")
