"""Stack traces as Java, Kotlin, Scala, Flink and hostile producers write them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drsquirrel.model.throwable import (
    FRAMES,
    MESSAGE_CHARS,
    TEXT_CHARS,
    Thrown,
    cut,
    parse,
)

NESTED = """\
org.apache.flink.runtime.JobException: Recovery is suppressed by NoRestartBackoffTimeStrategy
	at org.apache.flink.runtime.executiongraph.Flip.handle(Flip.java:180)
	at org.apache.flink.runtime.scheduler.Base.fail(Base.java:20)
Caused by: java.lang.IllegalStateException: could not enrich
	at com.shop.Enrich.map(Enrich.java:31)
	at org.apache.flink.streaming.Task.run(Task.java:77)
	at java.base/java.lang.Thread.run(Thread.java:840)
	Suppressed: java.io.IOException: close failed
		at com.shop.Client.close(Client.java:9)
		... 2 more
	Caused by: java.net.SocketException: Broken pipe
		at java.base/sun.nio.ch.Net.write(Net.java:4)
		... 3 more
Caused by: java.net.ConnectException: Connection refused
	at java.base/sun.nio.ch.Net.pollConnect(Native Method)
	... 2 more
"""


def test_a_trace_is_a_chain_from_the_outermost_to_the_deepest_cause():
    trace = parse(NESTED)
    assert [thrown.type.rpartition(".")[2] for thrown in trace.chain] == [
        "JobException",
        "IllegalStateException",
        "ConnectException",
    ]
    assert trace.chain[1].message == "could not enrich"
    assert trace.chain[1].frames == (
        "com.shop.Enrich.map(Enrich.java:31)",
        "org.apache.flink.streaming.Task.run(Task.java:77)",
        "java.lang.Thread.run(Thread.java:840)",
    )
    assert trace.cause == trace.chain[-1]


def test_suppressed_throwables_and_their_causes_stand_apart():
    assert [(t.type, t.message) for t in parse(NESTED).suppressed] == [
        ("java.io.IOException", "close failed"),
        ("java.net.SocketException", "Broken pipe"),
    ]


def test_frames_that_java_leaves_out_come_from_the_enclosing_throwable():
    assert parse(NESTED).chain[-1].frames == (
        "sun.nio.ch.Net.pollConnect(Native Method)",
        "org.apache.flink.streaming.Task.run(Task.java:77)",
        "java.lang.Thread.run(Thread.java:840)",
    )


@pytest.mark.parametrize("count", ["", "x", "²", "9" * 5_000, "-1"])
def test_a_strange_number_of_left_out_frames_is_ignored(count):
    trace = parse(f"a.B: x\n\tat a.B.c(B.java:1)\nCaused by: a.C: y\n\t... {count} more")
    assert trace.chain[-1] == Thrown("a.C", "y")


def test_more_left_out_frames_than_there_are_take_all():
    trace = parse("a.B: x\n\tat a.B.c(B.java:1)\nCaused by: a.C: y\n\t... 99 more")
    assert trace.chain[-1].frames == ("a.B.c(B.java:1)",)


@pytest.mark.parametrize(
    ("line", "frame"),
    [
        ("\tat a.B.c(B.java:1)", "a.B.c(B.java:1)"),
        ("at a.B.c(Native Method)", "a.B.c(Native Method)"),
        ("        at a.B.c(B.java:1) ~[flink-dist.jar:2.3.0]", "a.B.c(B.java:1)"),
        (
            "\tat java.base/java.lang.Thread.run(Thread.java:840)",
            "java.lang.Thread.run(Thread.java:840)",
        ),
        ("\tat java.base@17.0.9/java.util.A.b(A.java)", "java.util.A.b(A.java)"),
        ("\tat app//com.shop.A.b(A.java:2)", "com.shop.A.b(A.java:2)"),
        ("\tat app/shop@1.0/com.shop.A.b(A.java:2)", "com.shop.A.b(A.java:2)"),
        (
            "\tat java.base/a.B$$Lambda$14/0x0000000800c4.apply(Unknown Source)",
            "a.B$$Lambda$14/0x0000000800c4.apply(Unknown Source)",
        ),
        ("\tat a.B.invokeSuspend(B.kt:12)", "a.B.invokeSuspend(B.kt:12)"),
        ("\tat a.B$.$anonfun$main$1(B.scala:3)", "a.B$.$anonfun$main$1(B.scala:3)"),
        ("\tat a.B.<init>(B.java:1", "a.B.<init>(B.java:1)"),
    ],
)
def test_a_frame_is_read_without_loader_module_and_jar(line, frame):
    assert parse(f"x.Y: z\n{line}").chain[0].frames == (frame,)


@pytest.mark.parametrize("line", ["at least 3 (three) a.b", "at home", "at (x.y)", "attic.b(c)"])
def test_words_that_only_look_like_a_frame_belong_to_the_message(line):
    assert parse(f"x.Y: z\n{line}").chain[0] == Thrown("x.Y", f"z\n{line}")


@pytest.mark.parametrize(
    ("text", "type_", "message"),
    [
        (
            "java.lang.OutOfMemoryError: Java heap space",
            "java.lang.OutOfMemoryError",
            "Java heap space",
        ),
        ("java.lang.NullPointerException", "java.lang.NullPointerException", ""),
        ("a.B: ", "a.B", ""),
        ("a.B:", "a.B", ""),
        ("Caused by: a.B: x: y", "a.B", "x: y"),
        ('Exception in thread "main" a.BException: x', "a.BException", "x"),
        ("12:00 WARN Map (1/2) switched to FAILED: a.BError", "a.BError", ""),
        ("2026-01-01 12:00:00\na.B: x", "a.B", "x"),
        ("StackOverflowError: deep", "StackOverflowError", "deep"),
        ("no class at all", "", "no class at all"),
        ("errors: everywhere", "", "errors: everywhere"),
        ("", "", ""),
        ("\n \n", "", ""),
    ],
)
def test_the_header_names_class_and_message(text, type_, message):
    thrown = parse(text).cause
    assert (thrown.type, thrown.message) == (type_, message)


def test_a_message_may_have_several_lines_and_ends_at_the_first_frame():
    trace = parse("a.B: one\n  two\n\n\tat a.B.c(B.java:1)\nnoise of another thread")
    assert trace.chain == (Thrown("a.B", "one\n  two", ("a.B.c(B.java:1)",)),)


def test_a_circular_reference_ends_the_chain():
    trace = parse("a.B: x\nCaused by: a.C: y\nCaused by: [CIRCULAR REFERENCE: a.B: x]")
    assert [thrown.type for thrown in trace.chain] == ["a.B", "a.C"]
    trace = parse("a.B: x\n\tat a.B.c(B.java:1)\n\t[CIRCULAR REFERENCE:a.B: x]")
    assert [thrown.type for thrown in trace.chain] == ["a.B"]


@pytest.mark.parametrize("end", range(0, len(NESTED), 7))
def test_a_trace_cut_anywhere_is_still_read(end):
    trace = parse(NESTED[:end])
    assert len(trace.chain) <= 3
    assert NESTED.startswith(trace.chain[0].type)


def test_without_indentation_causes_belong_to_the_chain():
    trace = parse("\n".join(line.strip() for line in NESTED.splitlines()))
    assert trace.cause.type == "java.net.ConnectException"
    assert [thrown.type for thrown in trace.suppressed] == ["java.io.IOException"]


def test_the_cause_is_the_deepest_that_is_no_wrapper():
    wrapped = "a.B: told\nCaused by: java.util.concurrent.CompletionException: nothing new"
    assert parse(wrapped).cause == Thrown("a.B", "told")


def test_a_wrapper_without_its_cause_says_what_it_wraps():
    serialized = "org.apache.flink.util.SerializedThrowable: a.b.Lost: gone"
    assert parse(serialized).cause == Thrown("a.b.Lost", "gone")
    alone = "org.apache.flink.runtime.JobException: Recovery is suppressed by X: y"
    assert parse(alone).cause.type == "org.apache.flink.runtime.JobException"


def test_of_a_long_text_head_and_tail_are_read():
    trace = parse("a.B: x\n" + "\tat a.B.c(B.java:1)\n" * 20_000 + "Caused by: a.C: deepest\n")
    assert [(thrown.type, thrown.message) for thrown in trace.chain] == [
        ("a.B", "x"),
        ("a.C", "deepest"),
    ]
    assert len(trace.chain[0].frames) == FRAMES


def test_a_long_message_is_cut():
    assert len(parse("a.B: " + "x" * 9_999).cause.message) == MESSAGE_CHARS
    assert len(parse("a.B: x\n" + "y" * 999 + "\n" + "z\n" * 9_999).cause.message) <= MESSAGE_CHARS


HOSTILE = [
    "Caused by: a.B: x\n\tat a.B.c(B.java:1)\n\t... 99999 more\n",
    "\tSuppressed: a.B\n",
    "\t" * 99 + "Suppressed: a.B\n",
    "(" * 999 + "\n",
    "at " + "a." * 999 + "\n",
    ": " * 999 + "\n",
    "x" * 50_000,
    "a.b.CException " * 99,
    "$$Lambda/" * 99 + "\n",
]


@pytest.mark.parametrize("unit", HOSTILE)
def test_hostile_text_costs_linear_time(unit):
    text = unit * (TEXT_CHARS // len(unit))
    began = time.process_time()
    parse(text)
    assert time.process_time() - began < 1


@given(st.lists(st.sampled_from([*NESTED.splitlines(), *HOSTILE, ": ", "\t", "at (", "\x00"])))
def test_any_lines_give_at_least_one_throwable(lines):
    assert parse("\n".join(lines)).cause.message is not None


@given(st.text())
def test_any_text_gives_at_least_one_throwable(text):
    assert parse(text).chain


def test_long_texts_keep_head_and_tail() -> None:
    text = "head " + "x" * 500 + " tail"
    short = cut(text, 100)
    assert len(short) == 100
    assert short.startswith("head x") and short.endswith("x tail") and "... cut ..." in short
    assert cut(text, len(text)) == text
