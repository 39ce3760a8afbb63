"""The commands: what they write where, how they end, and what they say of what is wrong."""

import asyncio
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from drsquirrel import __version__
from drsquirrel.cli import cli
from drsquirrel.model.report import Report
from drsquirrel.rules.load import load
from drsquirrel.serve.server import listen, url
from drsquirrel.store.interface import Retention
from drsquirrel.store.sqlite import SqliteStore
from tests.collect.flink_rest.asked import answering
from tests.collect.flink_rest.server import Handler, serving
from tests.collect.test_peer import row, squirrel
from tests.commands import COMMAND, Done, environment, run, started

RECORDINGS = Path(__file__).parent / "recordings"
HEALTHY = RECORDINGS / "healthy.recording"
SICK = RECORDINGS / "slow-sink.recording"
LOOP = RECORDINGS / "restart-loop.recording"
EVIL = "\x1b]52;c;aGFjaw==\x07\u202e[red]\x9b31m"


def here(*arguments: object, **variables: str) -> Done:
    """The command in this process: quicker, for what needs none of its own."""
    done = CliRunner().invoke(cli, list(map(str, arguments)), env=variables)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    return Done(done.exit_code, done.stdout, done.stderr)


def refused(code: int, *arguments: object, **variables: str) -> str:
    """The one sentence a command ends with when it cannot do what it was asked."""
    done = here(*arguments, **variables)
    assert (done.code, done.out) == (code, ""), done
    *_, last = done.err.splitlines()
    assert last.startswith("drsquirrel: ") and last.endswith((".", "?")) and last.isprintable()
    return last.removeprefix("drsquirrel: ")


@contextmanager
def serving_aside(handler: Handler) -> Iterator[str]:
    """The address of a server in a thread of its own, for commands that run in this one."""
    loop, ready, ended = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    address: list[str] = []

    async def serve() -> None:
        async with serving(handler) as where:
            address.append(where)
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield address[0]
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(10)
        loop.close()


def test_exit_0_tells_that_nothing_was_found() -> None:
    done = here("diagnose", HEALTHY)
    assert done.code == 0
    assert done.out.startswith("✔ Healthy  orders-enrichment  RUNNING, run ")


def test_exit_1_tells_that_something_was_found_as_bad_as_asked_for() -> None:
    assert here("diagnose", SICK).code == 1
    assert here("diagnose", SICK, "--fail-on", "fail").code == 0
    assert here("diagnose", LOOP, "--fail-on", "fail").code == 1


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("juggle",),
        ("diagnose",),
        ("diagnose", HEALTHY, "--seconds", "0"),
        ("diagnose", HEALTHY, "--output", "xml"),
        ("diagnose", HEALTHY, "--fail-on", "never"),
        ("record", "http://127.0.0.1:1"),
        ("up", "--port", "x"),
    ],
)
def test_exit_2_tells_that_a_command_was_not_understood(arguments: tuple[object, ...]) -> None:
    done = here(*arguments)
    assert done.code == 2
    assert "Usage: " in done.out + done.err


def test_exit_3_tells_that_nothing_could_be_evaluated(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as listening:
        closed = url(listening)
    assert "is the JobManager running" in refused(3, "diagnose", closed)
    assert "is the JobManager running" in refused(3, "record", closed, tmp_path / "r")
    assert "is no recording" in refused(3, "diagnose", __file__)
    assert "there are: orders-enrichment." in refused(3, "diagnose", HEALTHY, "--job", "x")
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("command", ["diagnose", "record"])
def test_exit_130_tells_that_it_was_interrupted(command: str, tmp_path: Path) -> None:
    file = tmp_path / "r"
    extra = [file] if command == "record" else []
    with (
        serving_aside(answering('{"flink-version":"2.3.0"}')) as address,
        started(tmp_path / "log", command, address, *extra) as begun,
    ):
        begun.wait_for("Trying for .* more")
        assert begun.end(signal.SIGINT, 10) == 130
        assert "Traceback" not in begun.err
        assert begun.err.splitlines()[-1] == "drsquirrel: Interrupted."
    if command == "record":
        assert "The recording holds" in run("diagnose", file).err


def test_data_goes_to_stdout_and_talk_to_stderr() -> None:
    done = here("diagnose", SICK, "-o", "json")
    [report] = msgspec.json.decode(done.out, type=list[Report])
    assert report.causes[0].code == "slow-sink"
    assert done.err.startswith("The recording holds ")


def test_json_is_a_list_and_for_one_job_its_document() -> None:
    [listed] = json.loads(here("diagnose", SICK, "-o", "json").out)
    one = json.loads(here("diagnose", SICK, "-o", "json", "--job", "payments-to-ledger").out)
    assert one == listed
    assert one == json.loads(here("diagnose", SICK, "-o", "json", "--job", one["job"]["id"]).out)
    promised = {"job", "run", "verdict", "causes", "incidents", "symptoms", "checks", "benign"}
    assert promised | {"data", "actions"} <= set(one)
    assert {"code", "title", "confidence", "culprit", "onset", "evidence", "advice"} <= set(
        one["causes"][0]
    )
    assert {"code", "outcome", "value", "threshold", "evidence"} <= set(one["checks"][0])


def test_the_answer_does_not_depend_on_time_zone_language_or_hashing() -> None:
    """R12: same input, same rules, same bytes."""
    worlds = (
        {"TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "1"},
        {"TZ": "Asia/Kathmandu", "LC_ALL": "de_DE.UTF-8", "PYTHONHASHSEED": "2"},
        {"TZ": "America/St_Johns", "LC_ALL": "C", "LANG": "tr_TR", "PYTHONHASHSEED": "3"},
    )
    for output in ("json", "text"):
        ways = [run("diagnose", LOOP, "-o", output, **world) for world in worlds]
        assert ways[0] == ways[1] == ways[2]
        assert ways[0].code == 1


def test_an_encoding_that_lacks_a_sign_gets_its_number() -> None:
    done = run("diagnose", HEALTHY, PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C")
    assert done.code == 0 and done.out.startswith("\\u2714 Healthy  orders-enrichment")


def on_a_terminal(columns: int, *arguments: object, **variables: str) -> str:
    """What a command writes to a terminal so wide."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        env=environment(TERM="xterm-256color", **variables),
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    written = bytearray()
    try:
        while piece := os.read(ours, 1 << 16):
            written += piece
    except OSError:  # how Linux says that the other side is closed
        process.wait()
    os.close(ours)
    return written.decode().replace("\r\n", "\n")


def test_a_terminal_gets_colour_and_lines_of_its_width() -> None:
    text = on_a_terminal(72, "diagnose", SICK)
    assert "\x1b[1;33m▲ Warning" in text
    assert max(len(line) for line in re.sub(r"\x1b\[[0-9;]*m", "", text).split("\n")) <= 72


def test_no_color_takes_the_colour_and_a_pipe_takes_all_style() -> None:
    assert not re.search(r"\x1b\[(\d+;)*3\d", on_a_terminal(72, "diagnose", SICK, NO_COLOR="1"))
    assert "\x1b" not in run("diagnose", SICK).out


def test_a_reader_that_has_seen_enough_gets_no_traceback() -> None:
    with subprocess.Popen(
        [*COMMAND, "explain", "slow-sink"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


@pytest.mark.parametrize("output", ["text", "json"])
def test_a_hostile_name_is_not_obeyed_by_the_terminal(output: str) -> None:
    job = {
        "jid": "0" * 32,
        "name": EVIL,
        "state": "FINISHED",
        "start-time": 1,
        "end-time": 2,
        "duration": 1,
        "tasks": {"total": 0},
    }
    answer = {"flink-version": EVIL, "jobs": [job], "taskmanagers": [], "errors": [EVIL]}
    with serving_aside(answering(json.dumps(answer))) as address:
        quick = {"DRS_POLL_INTERVAL_S": "2"}
        done = here("diagnose", address, "-o", output, "--seconds", "20", **quick)
        unknown = here("diagnose", address, "--job", EVIL * 2)
    for text in (done.out, done.err, unknown.err):
        assert text.replace("\n", "").isprintable()
        assert "\u202e" not in text
    assert "\\u001b]52;c;aGFjaw==\\u0007\\u202e[red]\\u009b31m" in done.out
    assert unknown.code == 3 and "there are: \\u001b]52" in unknown.err


def test_a_target_that_is_nothing_is_told(tmp_path: Path) -> None:
    for target in ("localhost:8081", "nothing-here", "x" * 5_000, "a\0b", "ftp://x"):
        sentence = refused(2, "diagnose", target)
        assert sentence.endswith("is neither an address (http://HOST:PORT) nor a recording.")
    assert "is no address of a Flink REST API" in refused(2, "diagnose", "http://")


@pytest.mark.parametrize("command", [["up", "--flink"], ["diagnose"], ["record"]])
@pytest.mark.parametrize(
    "address", ["http:/u:hunter2@h", "u:hunter2@h", "http://u:hunter2@h", "http://[u:hunter2@h"]
)
def test_a_typed_password_is_not_repeated(command: list[str], address: str, tmp_path: Path) -> None:
    more = [tmp_path / "r"] if command == ["record"] else []
    assert "hunter2" not in refused(2, *command, address, *more)


def test_a_recording_is_not_made_over_a_file_or_where_none_can_be(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    with serving_aside(answering('{"flink-version":"2.3.0"}')) as address:
        assert "exists already" in refused(2, "record", address, tmp_path / "there")
        missing = refused(2, "record", address, tmp_path / "missing" / "r")
        assert missing.endswith("missing/r: no such file or directory.")
        assert "file name too long" in refused(2, "record", address, tmp_path / ("x" * 300))
    assert (tmp_path / "there").read_text() == "mine"


def test_where_a_dr_squirrel_is_nothing_is_recorded_but_told_what_it_watches(
    tmp_path: Path,
) -> None:
    for clusters, such in (((), ""), (("http://f:1",), ", such as http://f:1, which it watches")):
        with serving_aside(squirrel(clusters=clusters)) as address:
            assert refused(3, "record", address, tmp_path / "r") == (
                f"{address} is a Dr. Squirrel, not a Flink: give the address of Flink's REST "
                f"API{such}."
            )
    assert not (tmp_path / "r").exists()


def test_several_jobs_of_a_name_are_told_with_their_ids(tmp_path: Path) -> None:
    """A running Dr. Squirrel may watch clusters whose jobs have the same name."""
    same = [msgspec.structs.replace(row(i), job=row(1).job) for i in (1, 2)]
    with serving_aside(squirrel(*same)) as address:
        sentence = refused(2, "diagnose", address, "--job", "name-1")
    assert sentence == (
        "Several jobs are called name-1: choose by --job job-1 on demo, job-1 on demo."
    )


@pytest.mark.parametrize("command", [["rules"], ["up"], ["diagnose", HEALTHY]])
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("prot = 1", "There is no setting prot (in "),
        ("port = -1", "but must be a whole number from 0 to 65535."),
        ("[thresholds.slow-snk]\na = 1", "no rule is called 'slow-snk'; did you mean slow-sink?"),
        (
            "[thresholds.checkpoint-slow]\nwarn_shar = 1",
            "no threshold of checkpoint-slow is called 'warn_shar'; did you mean warn_share?",
        ),
    ],
)
def test_wrong_settings_refuse_every_command(
    tmp_path: Path, command: list[object], text: str, sentence: str
) -> None:
    (tmp_path / "drs.toml").write_text(text)
    assert sentence in refused(2, *command, "--config", tmp_path / "drs.toml")


def test_a_wrong_variable_or_pattern_or_secret_refuses(tmp_path: Path) -> None:
    assert refused(2, "rules", DRS_PORT="x").startswith("DRS_PORT is 'x', but must be")
    pattern = refused(2, "diagnose", HEALTHY, DRS_JOB_NAME_PATTERN="(a")
    assert pattern == "job_name_pattern is no RE2 pattern: missing ): (a."
    config = tmp_path / "drs.toml"
    config.write_text('[[cluster]]\nurl = "http://127.0.0.1:1"\ntoken_file = "/nowhere/token"')
    for command in (["up"], ["diagnose", "http://127.0.0.1:1/"]):
        sentence = refused(2, *command, "--config", config)
        assert sentence.startswith("The secret in /nowhere/token cannot be read")


def test_up_refuses_to_start_without_a_cluster_or_with_one_twice(tmp_path: Path) -> None:
    assert refused(2, "up").startswith("No cluster to watch: give --flink URL, or --config FILE")
    twice = ("--flink", "http://a:1", "--flink", "http://a:1/")
    assert refused(2, "up", *twice) == "The cluster http://a:1 is given twice: give it once."
    one_host = ("--flink", "http://gate/one", "--flink", "http://gate/two")
    assert "would both be called gate: give each" in refused(2, "up", *one_host)
    config = tmp_path / "drs.toml"
    config.write_text("".join(f'[[cluster]]\nurl = "http://{h}"\nname = "x"\n' for h in "ab"))
    assert "http://a and http://b would both be called x" in refused(2, "up", "--config", config)


def test_up_refuses_a_port_or_an_address_it_cannot_have(tmp_path: Path) -> None:
    flags = ("--flink", "http://127.0.0.1:1", "--data-dir", tmp_path)
    with listen("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        sentence = refused(2, "up", *flags, "--port", port)
        assert sentence.startswith(f"Port {port} is in use, perhaps by another Dr. Squirrel.")
    assert "--port is 70000, but must be" in refused(2, "up", *flags, "--port", 70_000)
    assert "on this machine only" in refused(2, "up", *flags, DRS_HOST="0.0.0.0")


def test_up_refuses_a_data_directory_it_cannot_have(tmp_path: Path) -> None:
    flags = ("--flink", "http://127.0.0.1:1", "--port", 0, "--data-dir")
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/drsquirrel")):
        assert "cannot be used as data directory" in refused(2, "up", *flags, place)
    directory = tmp_path / "data"
    with closing(SqliteStore(directory, Retention())) as store:
        assert "is in use by the process" in refused(2, "up", *flags, directory)
        store._writer.execute("PRAGMA user_version = 1000")
    assert "newer" in refused(2, "up", *flags, directory)
    (directory / "drsquirrel.sqlite").write_text("no database " * 100)
    assert "is not a database: move it away" in refused(2, "up", *flags, directory)


def test_every_check_and_cause_is_listed_and_explained() -> None:
    rules = load()
    listed = json.loads(here("rules", "--output", "json").out)
    codes = [*sorted(rules.checks), *sorted(rules.causes)]
    assert [(r["code"], r["kind"]) for r in listed] == [
        *((code, "check") for code in sorted(rules.checks)),
        *((code, "cause") for code in sorted(rules.causes)),
    ]
    lines = here("rules").out.splitlines()
    assert [line.split()[0] for line in lines] == codes
    for code in codes:
        done = here("explain", code)
        assert done.code == 0
        assert code in done.out and "How to fix" in done.out


def test_explain_shows_the_thresholds_in_force(tmp_path: Path) -> None:
    (tmp_path / "drs.toml").write_text("[thresholds.checkpoint-slow]\nwarn_share = 0.125")
    done = here("explain", "checkpoint-slow", "--config", tmp_path / "drs.toml")
    assert "warn_share = 0.125" in done.out


def test_an_unknown_code_names_the_nearest() -> None:
    assert refused(2, "explain", "slow-snk") == (
        "Nothing to explain: no rule is called 'slow-snk'; did you mean slow-sink? "
        "`drsquirrel rules` lists all."
    )


def test_the_version_is_told() -> None:
    assert here("--version") == Done(0, f"{__version__}\n", "")


def test_help_says_what_each_command_does_and_how_it_ends() -> None:
    top = here("--help").out
    for name in ("up", "diagnose", "record", "explain", "rules"):
        done = here(name, "--help")
        assert done.code == 0
        first = done.out.splitlines()[2].strip()
        assert first.endswith(".") and re.search(rf"^  {name} +\S", top, re.M)
    told = " ".join(here("diagnose", "--help").out.split())
    codes = "0 nothing found, 1 a finding, 2 wrong usage, 3 could not evaluate, 130 interrupted"
    assert codes in told
    assert not [line for line in top.splitlines()[1:] if line.endswith("...")]
