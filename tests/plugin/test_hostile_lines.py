"""What is logged is sent as it is: nothing in it is looked up, formatted or fetched (S28)."""

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.broker import Broker
from demo.flink_home import VERSIONS
from demo.plugin import make_topics
from drsquirrel.model.event import LogEvent, MetricReport
from tests.plugin.harness import LOG4J
from tests.plugin.intruder import SAID_S, compiled, intruder
from tests.plugin.listener import Listener, places

ENVIRONMENT = "DRS_INTRUDER"
NEVER_SEEN = "thisIsInTheEnvironment"
JOB = "0123456789abcdef0123456789abcdef"
PATTERN = "%p %c{1} [%t] %x %X %marker %m %throwable{full}%n"
"""Everything that a line may hold is written, as users have it."""


class Door:
    """A port at which nobody should knock: LDAP, RMI, DNS would come here."""

    def __init__(self) -> None:
        self.knocks = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self.knocks += 1
            connection.close()

    def close(self) -> None:
        self._server.close()


def hostile(port: int) -> list[str]:
    at = f"127.0.0.1:{port}"
    nested = f"${{${{lower:j}}ndi:${{lower:l}}dap://{at}/b}}"
    return [
        f"${{jndi:ldap://{at}/a}}",
        f"${{jndi:rmi://{at}/a}}",
        f"${{jndi:dns://{at}/a}}",
        nested,
        f"${{${{::-j}}${{::-n}}${{::-d}}${{::-i}}:ldap://{at}/c}}",
        f"$${{jndi:ldap://{at}/d}}",
        f"%m{{lookups}}${{jndi:ldap://{at}/e}}",
        "${ctx:loop}${ctx:flink-job-id}",
        "${map:x}${sd:x}${event:Message}${event:ThreadName}",
        f"${{env:{ENVIRONMENT}}}${{sys:user.home}}${{java:version}}${{main:0}}",
        "${script:javascript:1+1}${bundle:x:y}${web:rootDir}${k8s:podName}${docker:containerId}",
        f"${{date:yyyy}}${{base64:aGVsbG8=}}${{url:UTF-8:http://{at}/}}",
        "%n%d%X{x}%mdc%ex%throwable{short}%replace{a}{a}{b}%d{yyyy}%%",
        "{} {} {0} {1} \\{} {{}}",
        "$ $$ ${ ${} ${:} ${a:-${b:-${c:-d}}}",
        "\x1b]0;title\x07\x1b[2J\u202etxt\u0000end\u2028\u0085",
        '"},"level":"INFO","message":"forged","job":"',
        "</script><script>alert(1)</script><!--",
    ]


@dataclass(frozen=True)
class Scene:
    """What was heard, and what stands in the process's own log."""

    texts: list[str]
    lines: list[LogEvent]
    operators: set[str]
    clusters: set[str]
    log: str
    knocks: int


@pytest.fixture(scope="module", params=VERSIONS)
def scene(
    request: pytest.FixtureRequest,
    jar: Path,
    broker: Broker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("hostile")
    prefix = f"hostile-{request.param}-"
    make_topics(broker.address, prefix, partitions=1)
    with closing(Door()) as door, closing(Listener(broker.address, prefix)) as listener:
        texts = hostile(door.port)
        file = folder / "texts"
        file.write_text("\n".join(texts), encoding="utf-8")
        log4j = LOG4J.replace("%p %c{1} %m%n", PATTERN)
        assert PATTERN in log4j
        options = [
            f"cluster={texts[0]}",
            f"kafka.bootstrap.servers={broker.address}",
            f"topic.prefix={prefix}",
            f"queue-messages={texts[0]}",
            "log-window-lines=10000",
            f"{texts[0]}={texts[8]}",
            f"kafka.{texts[3]}={texts[3]}",
        ]
        os.environ[ENVIRONMENT] = NEVER_SEEN
        try:
            java = intruder(
                jar,
                compiled(folder),
                folder,
                f"texts {file}",
                *options,
                flink=request.param,
                log4j=log4j,
            )
        finally:
            del os.environ[ENVIRONMENT]
        with java:
            assert java.line(SAID_S) == "said"
            listener.until(lambda: listener.reports(JOB))
            java.say("close")
            assert java.line(SAID_S) == "done"
        # Metrics overtake lines.
        listener.until(lambda: any(line.thread == texts[-1] for line in listener.of(LogEvent)))
        yield Scene(
            texts,
            listener.of(LogEvent),
            {p.operator for report in listener.of(MetricReport) for p in places(report)},
            {heard.message.origin.cluster for heard in listener.heard},
            java.log.read_text("utf-8", "replace"),
            door.knocks,
        )


def test_every_text_arrives_as_it_was_logged(scene: Scene) -> None:
    messages = {line.message for line in scene.lines}
    for text in scene.texts:
        assert text in messages, text
        assert f"told: {text}" in messages, text


def test_a_throwable_and_its_cause_tell_what_they_were_given(scene: Scene) -> None:
    traces = [line.throwable for line in scene.lines if line.message.startswith("thrown ")]
    for text in scene.texts:
        assert any(
            trace.startswith(f"java.lang.IllegalStateException: {text}\n")
            and f"\nCaused by: java.lang.IllegalArgumentException: {text}\n" in trace
            for trace in traces
        ), text


def test_a_thread_a_logger_a_job_and_an_operator_have_the_names_they_have(scene: Scene) -> None:
    threads = {line.thread for line in scene.lines if line.message.startswith("in a thread")}
    loggers = {line.logger for line in scene.lines if line.message == "by a logger"}
    jobs = {line.job for line in scene.lines if line.message.startswith("in a context")}
    for text in scene.texts:
        assert text in threads, text
        assert "com.shop." + text.replace(".", "_") in loggers, text
        assert text in jobs, text
        shown = "".join("_" if c in " .:," else c for c in f"Source: {text}")
        assert shown in scene.operators, text


def test_options_are_taken_as_they_are(scene: Scene) -> None:
    assert scene.clusters == {scene.texts[0]}


def test_nobody_was_called_and_nothing_of_the_process_was_told(scene: Scene) -> None:
    assert scene.knocks == 0
    told = json.dumps([line.message + line.throwable + line.thread for line in scene.lines])
    for text in (told, scene.log):
        assert NEVER_SEEN not in text
        assert "javax.naming" not in text


def test_a_line_cannot_forge_another(scene: Scene) -> None:
    assert not [line for line in scene.lines if line.message == "forged"]
    assert {line.level for line in scene.lines} == {"ERROR", "WARN"}
