import json
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drsquirrel.collect.redaction import MAX_CHARS, MAX_DEPTH, MAX_ITEMS, Redaction
from drsquirrel.collect.secret import Secrets
from drsquirrel.model.metric import BY_FLINK_NAME
from tests.collect.canary import Canaries, answers, pairs


def test_no_planted_secret_is_left_in_any_answer() -> None:
    canaries = Canaries()
    planted = answers(canaries)
    # The one that is planted as a metric's name only looks like a key of AWS; its value is one.
    canaries.planted = [c for c in canaries.planted if c in json.dumps(planted)]
    assert len(canaries.planted) >= 55
    redaction = Redaction()
    redacted = {path: redaction.redact(path, answer) for path, answer in planted.items()}
    assert canaries.left_in(redacted) == []
    assert "4711" not in json.dumps(redacted)
    assert "AKIAABCDEFGHIJKLMNOP" not in json.dumps(redacted)
    assert redaction.failures == 0


def test_redacting_a_second_time_changes_nothing() -> None:
    redaction = Redaction()
    for path, answer in answers(Canaries()).items():
        once = redaction.redact(path, answer)
        assert redaction.redact(path, once) == once


FLINK_2026 = (
    "password secret fs.azure.account.key apikey auth-params service-key token basic-auth "
    "jaas.config http-headers access-key access.key accesskey"
)
OURS = (
    "private passphrase DB_PASS pgPass credentials keytab sentry.dsn connectionString "
    "connection-string PWD signing-key encryption.key authorization"
)


@pytest.mark.parametrize("part", [*FLINK_2026.split(), *OURS.split()])
def test_every_key_that_flink_or_we_hide_is_hidden_in_options_and_in_text(part: str) -> None:
    redaction = Redaction()
    config = pairs(**{f"my.{part}": "c4nary", f"MY_{part.upper()}_1": "c4nary"})
    assert "c4nary" not in str(redaction.redact("/jobmanager/config", config))
    assert "c4nary" not in redaction.redact_text(f"failed with my.{part}=c4nary at once")


def test_the_mark_tells_the_rule_and_not_the_length() -> None:
    redaction = Redaction()
    assert redaction.redact("/jobmanager/config", pairs(**{"a.password": "x"})) == pairs(
        **{"a.password": "•••• (redacted: key)"}
    )
    assert redaction.redact("/jobmanager/config", pairs(**{"a.password": "x" * 99})) == pairs(
        **{"a.password": "•••• (redacted: key)"}
    )


INNOCENT_TEXTS = [
    "pekko.tcp://flink@localhost:6123/user/rpc/jobmanager_2",
    "http://host:8081/jobs/a@b",
    "http://host:8081?mail=a@b",
    "abfss://container@account.dfs.core.windows.net/chk",
    "jdbc:postgresql://db:5432/orders?ssl=true",
    "Access denied for user 'bob'@'db' (using password: YES)",
    'FATAL: password authentication failed for user "bob"',
    "org.apache.calcite.sql.parser.impl.TokenMgrError: Lexical error at line 1, column 2",
    "org.apache.hadoop.security.token.SecretManager$InvalidToken: it can't be found in cache",
    "com.acme.InvalidTokenException: expired",
    "\tat com.acme.TokenCache.get(TokenCache.java:55)",
    "\tat a.B.c(B.java:55) ~[hadoop-token-auth.jar:3.3.6]",
    "Unrecognized token 'foo': was expecting (JSON String, Number)",
    'Encountered unexpected token: } at "x"',
    "Connection refused: token-service/10.0.0.1:8080",
    "Connection refused: token-service:8080",
    "Source: tokens -> Tokenizer -> token-sink: Writer",
    "token-sink: Committer",
    "Calc(select=[token, user_password], where=[amount > 3])",
    "Bearer authentication is required",
    "-XX:+HeapDumpOnOutOfMemoryError -Dlog.file=/opt/flink/log/x.log",
    "state.backend.token-cache.size: 64 mb",
    "enrich (1/2)#0 Id=88 TIMED_WAITING on java.util.concurrent.locks.ReentrantLock$Sync@1b2c3d",
    "Sink: Print to Std. Out & <b>bold</b>",
]


@pytest.mark.parametrize("text", INNOCENT_TEXTS)
def test_innocent_text_is_left_as_it_is(text: str) -> None:
    assert Redaction().redact_text(text) == text


@pytest.mark.parametrize("after", ["", " failed", ", then", "; x", "/x", "x", "\\n"])
@pytest.mark.parametrize("quote", ['"', "'", '\\"'])
def test_a_pair_within_quotes_is_hidden_up_to_the_quote_that_closes_them(
    quote: str, after: str
) -> None:
    told = Redaction().redact_text(f"url {quote}jdbc:x?password=cAnaRy1{quote}{after}")
    assert "cAnaRy1" not in told and told.startswith(f"url {quote}jdbc:x?password=")


def test_innocent_options_are_left_as_they_are() -> None:
    config = pairs(
        **{
            "state.backend.token-cache.size": "64 mb",
            "security.delegation.tokens.enabled": "true",
            "security.delegation.tokens.renewal.retry.backoff": "1 h",
            "security.delegation.tokens.renewal.time-ratio": "0.75",
            "security.kerberos.fetch.delegation-token": "false",
            "fs.s3a.aws.credentials.provider": "com.amazonaws.auth.EnvProvider",
            "web.access-control-allow-origin": "*",
            "rest.address": "localhost",
            "state.checkpoints.dir": "s3://bucket/checkpoints",
            "taskmanager.memory.process.size": "1728m",
            "execution.keyedsnapshot": "on",
            "s3.secret-key": "",
        }
    )
    assert Redaction().redact("/jobmanager/config", config) == config


def test_what_stands_around_a_secret_is_still_there() -> None:
    redaction = Redaction()
    assert redaction.redact_text("-Xmx1g -Dx.password=p(a)s,s -ea") == (
        "-Xmx1g -Dx.password=•••• (redacted: pair) -ea"
    )
    assert redaction.redact_text("https://u:p@host:8443/x failed") == (
        "https://•••• (redacted: url)@host:8443/x failed"
    )
    assert redaction.redact_text("WITH ('password' = 'x', 'url' = 'y')") == (
        "WITH ('password' = '•••• (redacted: pair)', 'url' = 'y')"
    )
    assert redaction.redact_text("?password=a&ssl=true") == (
        "?password=•••• (redacted: pair)&ssl=true"
    )


def test_the_callers_keys_are_hidden_in_options_and_in_text() -> None:
    redaction = Redaction(additional_keys=["Passphrase-Hint", "shoe.size"])
    config = pairs(**{"my.SHOE.SIZE.eu": "44"})
    assert redaction.redact("/jobmanager/config", config)[0]["value"].startswith("••••")
    assert redaction.redact_text("x shoe.size=44 y") == "x shoe.size=•••• (redacted: pair) y"
    assert Redaction().redact("/jobmanager/config", config) == config


def test_a_metric_of_an_operator_with_a_suspicious_name_keeps_its_value() -> None:
    metrics = [{"id": "0.token-enricher.numRecordsIn", "value": "12"}]
    assert Redaction().redact("/jobs/7/vertices/v/metrics?get=x", metrics) == metrics


def test_a_string_that_cannot_be_examined_is_replaced_and_counted() -> None:
    redaction = Redaction()
    answer = {"a": "half a pair \ud800", "b": {"password": "\udfff"}, "c": "fine"}
    assert redaction.redact("/x", answer) == {
        "a": "•••• (redacted: failure)",
        "b": {"password": "•••• (redacted: key)"},
        "c": "fine",
    }
    assert redaction.failures == 1


def test_of_a_very_long_text_the_beginning_is_shown_and_no_part_of_a_secret() -> None:
    redaction = Redaction()
    words = "x " * (MAX_CHARS // 2 - 10)
    shown = redaction.redact_text(f"{words}http://ann:{'hunter2' * 100}@host/ and more")
    assert shown == f"{words.rstrip()} … (cut)"
    assert redaction.redact_text("hunter2" * MAX_CHARS) == "•••• (redacted: failure)"
    assert redaction.failures == 1


def test_of_items_without_end_that_are_suspicious_none_is_shown() -> None:
    redaction = Redaction()
    harmless = [0] * MAX_ITEMS
    assert redaction.redact("/x", [*harmless, 1]) == [*harmless, 1]
    assert redaction.redact("/x", [*harmless, "password=x"]) == "•••• (redacted: failure)"
    assert redaction.failures == 1


def test_what_is_nested_too_deep_is_replaced_and_counted() -> None:
    redaction = Redaction()
    deep: Any = "password=x"
    for _ in range(MAX_DEPTH + 50):
        deep = [deep]
    assert "password" not in str(redaction.redact("/x", deep))
    assert redaction.failures == 1


def test_whatever_stands_under_a_secret_key_is_hidden_down_to_its_leaves() -> None:
    redaction = Redaction()
    answer = {"credentials": {"id": 7, "on": True, "none": None, "all": ["x", 1.5, {"y": "z"}]}}
    hidden = "•••• (redacted: key)"
    assert redaction.redact("/x", answer) == {
        "credentials": {
            "id": hidden,
            "on": True,
            "none": None,
            "all": [hidden, hidden, {"y": hidden}],
        }
    }
    deep: Any = "x"
    for _ in range(MAX_DEPTH + 50):
        deep = [deep]
    assert "x" not in str(redaction.redact("/x", {"password": deep}).values())
    assert redaction.failures == 1


def test_what_is_no_json_is_replaced() -> None:
    redaction = Redaction()
    assert redaction.redact("/x", {"password": "x", "a": b"bytes"})["a"].startswith("••••")
    assert redaction.failures == 1


def test_an_element_that_only_has_a_suspicious_name_is_left() -> None:
    text = "<token-cache-size>64</token-cache-size> <use-token>true</use-token>"
    assert Redaction().redact_text(text) == text


def test_the_answer_that_was_given_is_not_changed() -> None:
    answer = pairs(password="x")
    Redaction().redact("/jobmanager/config", answer)
    assert answer == pairs(password="x")


@settings(max_examples=50, deadline=None)
@given(st.text(), st.sampled_from(["password", "api_key", "DB_PASS", "x.token"]), st.text())
def test_whatever_stands_in_quotes_after_a_secret_key_is_hidden(
    before: str, key: str, after: str
) -> None:
    text = f'{before.replace("-----BEGIN", "")} {key}="c4naryX" {after}'
    assert "c4naryX" not in Redaction().redact_text(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=8,
    )
)
@settings(max_examples=50, deadline=None)
def test_any_answer_keeps_its_shape(answer: Any) -> None:
    redacted = Redaction().redact("/x", answer)
    assert type(redacted) is type(answer) or str(redacted).startswith("••••")


@pytest.mark.parametrize(
    "piece",
    [
        "password=",
        "'password'='",
        "://a:",
        "password: [",
        "eyJ.",
        "token ",
        "<token>x",
        "passage=",
        "passage=(",
        "password=••••",
        'password="••••',
    ],
)
def test_the_time_for_a_hostile_text_grows_no_faster_than_the_text(piece: str) -> None:
    def cpu_s(characters: int) -> float:
        text = piece * (characters // len(piece))
        times = []
        for _ in range(3):
            began = time.thread_time()
            Redaction().redact_text(text)
            times.append(time.thread_time() - began)
        return min(times)

    # Eight times the text: 64 times the time if it grew with the square.
    assert cpu_s(80_000) < 24 * cpu_s(10_000) + 0.05


def test_a_hundred_kilobytes_of_metrics_cost_less_than_five_times_their_decoding() -> None:
    body = msgspec.json.encode(
        [{"id": f"{i}.Source__numbers.numRecordsIn", "value": str(i * 7919)} for i in range(1700)]
    )
    metrics = msgspec.json.decode(body)
    redaction = Redaction()

    def least_s(do: Any) -> float:
        times = []
        for _ in range(30):
            began = time.thread_time()
            do()
            times.append(time.thread_time() - began)
        return min(times)

    decoding_s = least_s(lambda: msgspec.json.decode(body))
    assert least_s(lambda: redaction.redact("/jobs/7/metrics", metrics)) < 5 * decoding_s


def test_a_password_in_the_name_of_a_metric_is_hidden_though_flink_has_changed_it() -> None:
    name = "0.Source__t('user'_=_'app'__'password'_=_'cAnaRy').pendingRecords"
    [found] = Redaction().redact("/jobs/0/vertices/0/metrics", [{"id": name}])
    assert "cAnaRy" not in found["id"] and "'user'_=_'app'" in found["id"]


@pytest.mark.parametrize(
    "name",
    [
        "0.to_jdbc_mysql_//shop_cAnaRy@db/shop__Writer.numRecordsSend",
        "0.to_jdbc_mysql_//my_shop_cAnaRy_x@db/shop__Writer.numRecordsSend",
        "sync_jdbc_oracle_thin_scott/cAnaRy@//db/x.numRecordsOut",
    ],
)
def test_an_address_in_the_name_of_a_metric_is_hidden_though_flink_has_changed_it(
    name: str,
) -> None:
    path = "/jobs/0/vertices/0/metrics"
    [found] = Redaction().redact(path, [{"id": name}])
    assert "cAnaRy" not in found["id"] and "redacted: url" in found["id"]
    plain = [{"id": "0.Source__orders_//_x.numRecordsIn"}, {"id": "read_http_//db/x.rate"}]
    assert Redaction().redact(path, plain) == plain


@pytest.mark.parametrize("name", sorted({name for _, name in BY_FLINK_NAME}))
def test_no_metric_that_is_read_makes_its_answer_suspicious(name: str) -> None:
    """For then every string of every report would be looked at."""
    assert not Secrets().suspects(name.encode())
