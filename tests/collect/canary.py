"""Answers of Flink with secrets planted wherever users have put them."""

import json
from typing import Any


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


def configurations(c: Canaries) -> dict[str, Any]:
    """What /config answers list."""
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
    }


def job_settings(c: Canaries) -> dict[str, Any]:
    """What a job was started with."""
    return {
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
                    "no scheme": c("//bob:{}@db/orders"),
                    "escaped url": c("url=jdbc%3Amysql%3A%2F%2Fbob%3A{}%40db%2Forders"),
                    "escaped json": c("%7B%22password%22%3A%22{}%22%7D"),
                    "unicode": c("{{\\u0022password\\u0022:\\u0022{}\\u0022}}"),
                    "json": c('{{"apiKey":"{}","port":1}}'),
                    "escaped": c('{{\\"clientSecret\\":\\"{}\\",\\"port\\":1}}'),
                    "hadoop": c("<name>fs.s3a.secret.key</name> <value>{}</value>"),
                    "xml": c("<db><password>{}</password></db>"),
                },
            },
        },
    }


def exceptions(c: Canaries) -> dict[str, Any]:
    """What stands in stack traces."""
    return {
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
    }


def answers(c: Canaries) -> dict[str, Any]:
    """Answers in the shapes of Flink 1.17 to 2.3, with secrets wherever users have put them."""
    ddl = (
        "CREATE TABLE t (id INT) WITH ('connector' = 'jdbc', 'password' = '" + c("it''s {},x") + "'"
        ", 'url'='jdbc:mysql://db:3306/x?user=u&password=" + c("{}") + "&useSSL=false')"
    )
    plan_text = f"Source: orders[1]&lt;br/&gt;+- {ddl}".replace("'", "&#39;")
    return {
        **configurations(c),
        **job_settings(c),
        **exceptions(c),
        "/jobs/7": {
            "jid": "7",
            "name": c("sync jdbc:oracle:thin:scott/{}@//db/x"),
            "vertices": [{"id": "v", "name": f"Source: {ddl} -> Map"}],
            "plan": {"nodes": [{"id": "v", "description": plan_text}]},
        },
        "/jobs/7/plan": {
            "plan": {"nodes": [{"description": c("Calc(where=[(password = _UTF-16LE'{}')])")}]}
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
