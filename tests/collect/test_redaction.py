import json
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drsquirrel.collect.redaction import MAX_DEPTH, Redaction


class Canaries:
    """Plants secrets that a search finds again, each in a place of its own."""

    def __init__(self) -> None:
        self.planted: list[str] = []

    def __call__(self, shape: str = "{}") -> str:
        self.planted.append(f"cAn{len(self.planted):02}aRy7")
        return shape.format(self.planted[-1])

    def left_in(self, answer: Any) -> list[str]:
        text = json.dumps(answer, ensure_ascii=False)
        return [canary for canary in self.planted if canary in text]


def pairs(**values: str) -> list[dict[str, str]]:
    """A configuration as Flink's REST API lists it."""
    return [{"key": key, "value": value} for key, value in values.items()]


def answers(c: Canaries) -> dict[str, Any]:
    """Answers in the shapes of Flink 1.17 to 2.3, with secrets wherever users have put them."""
    ddl = (
        "CREATE TABLE t (id INT) WITH ('connector' = 'jdbc', 'password' = '" + c("it''s {},x") + "'"
        ", 'url'='jdbc:mysql://db:3306/x?user=u&password=" + c("{}") + "&useSSL=false')"
    )
    plan_text = f"Source: orders[1]&lt;br/&gt;+- {ddl}".replace("'", "&#39;")
    return {
        "/jobmanager/config": pairs(
            **{
                "s3.secret-key": c(),
                "s3.access-key": c(),
                "fs.azure.account.key.store.blob.core.windows.net": c(),
                "metrics.reporter.dghttp.apikey": c(),
                "metrics.reporter.influx.password": c(),
                "rest.http-headers": c("X-Any:{}"),
                "security.ssl.internal.key-password": c(),
                "sasl.jaas.config": c('x.PlainLoginModule required username="u" password="{}";'),
                "ssl.keystore.key": c("-----BEGIN PRIVATE KEY-----\nMIIE{}\n"),
                "fs.gs.auth.service.account.private.key": c(),
                "containerized.taskmanager.env.DB_PASS": c(),
                "containerized.master.env.dbPassPhrase": c(),
                "jdbc.url": c("jdbc:postgresql://app:{}@db:5432/orders"),
                "env.java.opts.all": c("-Xmx1g -Djavax.net.ssl.keyStorePassword={} -ea"),
                "env.java.opts.taskmanager": c('-Dx.password="{} two words" -ea'),
                "pipeline.global-job-parameters": c("user:bob,db.password:{},x:y"),
                "security.kerberos.login.keytab": c("/secrets/{}.keytab"),
                "sentry.dsn": c("https://{}@sentry.example/1"),
                "app.proxy": c("http://bob:p@ss/{}@proxy:3128/"),
                "azure.storage": c("AccountName=a;AccountKey={}/+==;EndpointSuffix=core"),
                "azure.connection-string": c(),
            }
        ),
        "/jobs/7/jobmanager/config": pairs(**{"company.vault": c("hvs.{}AAAAAAAAAAAAAAAA")}),
        "/jobs/7/config": {
            "jid": "7",
            "name": "orders",
            "execution-config": {
                "execution-mode": "PIPELINED",
                "user-config": {
                    "db.password": c(),
                    "credentials": {"user": c(), "more": [c()]},
                    c("token={}"): "__NO_VALUE_KEY",
                    "slack": c("xoxb-123456-{}"),
                    "hook": c("https://hooks.slack.com/services/T0/B0/{}"),
                    "PIN_SECRET": 4711,
                    "google": c("ya29.{}-x"),
                    "github": c("ghp_{}0123456789012345678"),
                    "jwt": c("eyJhbGciOiJIUzI1NiJ9.eyJzdWIi{}.c2ln"),
                    "yaml": c("user: bob\npassword: correct horse {}\nport: 1\n"),
                    "json": c('{{"apiKey":"{}","port":1}}'),
                    "escaped": c('{{\\"clientSecret\\":\\"{}\\",\\"port\\":1}}'),
                    "hadoop": c("<name>fs.s3a.secret.key</name> <value>{}</value>"),
                    "xml": c("<db><password>{}</password></db>"),
                },
            },
        },
        "/jobs/7": {
            "jid": "7",
            "name": c("sync jdbc:oracle:thin:scott/{}@//db/x"),
            "vertices": [{"id": "v", "name": f"Source: {ddl} -> Map"}],
            "plan": {"nodes": [{"id": "v", "description": plan_text}]},
        },
        "/jobs/7/plan": {
            "plan": {"nodes": [{"description": c("Calc(where=[(password = _UTF-16LE'{}')])")}]}
        },
        "/jobs/7/exceptions": {
            "root-exception": c(
                "java.sql.SQLException: jdbc:mysql://u:{}@db/x\n\tat a.B.c(B.java:1)"
            ),
            "exceptionHistory": {
                "entries": [
                    {
                        "exceptionName": "java.io.IOException",
                        "stacktrace": c(
                            "java.io.IOException: PUT https://b.s3.amazonaws.com/k"
                            "?X-Amz-Credential=a&X-Amz-Signature={}&x=1 gave 403"
                        ),
                        "failureLabels": {"header": c("Authorization: Basic {}==")},
                        "concurrentExceptions": [
                            {"stacktrace": c("x: [Authorization: Bearer {}, Accept: y]")},
                            {"stacktrace": c("GET /x\nCookie: a=b; session={}; c=d\nHost: h")},
                            {"stacktrace": c('Authorization: Digest username="u", response="{}"')},
                            {"stacktrace": c("https://a.blob/x?sv=2020&sig={}%2B&se=1")},
                            {"stacktrace": c("ALTER USER bob IDENTIFIED BY '{}'")},
                            {"stacktrace": c("Config{{token={}, user=bob}}")},
                            {"stacktrace": c("password=[{}, and more]")},
                        ],
                    }
                ]
            },
        },
        "/jobs/7/accumulators": {
            "user-task-accumulators": [{"name": "api-token", "type": "x", "value": c()}]
        },
        "/jobmanager/environment": {
            "jvm": {"options": [c("-Ddb.password={}"), "--db-password", c(), "-ea"]},
            "classpath": [],
        },
        "/jars/1/plan?program-args=": {"args": c("--user bob --password {} --port 1")},
        "/jobs/7/metrics?get=x": [
            {"id": "lastCheckpointExternalPath", "value": c("s3://KEY:{}@bucket/chk-1")},
            {"id": c("x.AKIA{}".replace("{}", "ABCDEFGH")) + ".n", "value": "AKIAABCDEFGHIJKLMNOP"},
        ],
        "/taskmanagers/1/thread-dump": {
            "threadInfos": [{"threadName": c("poll https://u:{}@h"), "stringifiedThreadInfo": ""}]
        },
    }


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
    "piece", ["password=", "'password'='", "://a:", "password: [", "eyJ.", "token ", "<token>x"]
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

    assert cpu_s(80_000) < 12 * cpu_s(10_000) + 0.05


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
