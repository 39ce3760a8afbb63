"""The same fault has the same signature whatever its numbers; another place has another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drsquirrel.model.signature import READABLE_CHARS, in_app, mask, sign, sign_line
from drsquirrel.model.throwable import parse

AT_ENRICH = """\
java.lang.IllegalStateException: order {} of customer {} has no price
	at com.shop.Enrich.price(Enrich.java:{})
	at com.shop.Enrich.map(Enrich.java:31)
	at org.apache.flink.streaming.api.operators.StreamMap.processElement(StreamMap.java:38)
	at java.base/java.lang.Thread.run(Thread.java:840)
"""
REFUSED = """\
org.apache.flink.util.FlinkRuntimeException: sink failed
	at org.apache.flink.connector.base.Sink.flush(Sink.java:1)
Caused by: java.net.ConnectException: Connection refused: db-{}/10.0.0.{}:5432
	at java.base/sun.nio.ch.Net.pollConnect(Native Method)
	... 1 more
"""


def test_golden_signatures_do_not_change_within_a_version():
    assert sign(AT_ENRICH) == "v1:f57a0bd05449 IllegalStateException at Enrich.price"
    assert sign(REFUSED.format(1, 2)) == "v1:ed687be5b61f ConnectException: Connection refused: db#"
    assert sign_line("com.shop.Sink", "retry 3 of 5") == "v1:e255fda1d3f9 Sink: retry # of #"


def test_the_same_fault_with_other_numbers_has_the_same_signature():
    assert sign(AT_ENRICH.format(1, 2, 30)) == sign(AT_ENRICH.format(77, "k-9", 31))
    assert sign(REFUSED.format(1, 2)) == sign(REFUSED.format(9, 255))


def test_the_same_class_at_another_place_has_another_signature():
    assert sign(AT_ENRICH) != sign(AT_ENRICH.replace("Enrich.price", "Enrich.stock"))
    assert sign(AT_ENRICH) != sign(AT_ENRICH.replace("Enrich.map", "Refund.map"))


def test_another_class_at_the_same_place_has_another_signature():
    assert sign(AT_ENRICH) != sign(AT_ENRICH.replace("IllegalStateException", "IOException"))


def test_another_message_counts_only_without_code_of_the_job():
    assert sign(AT_ENRICH) == sign(AT_ENRICH.replace("has no price", "is unknown"))
    assert sign(REFUSED) != sign(REFUSED.replace("refused", "reset"))


def test_wrapping_and_frames_of_flink_change_nothing():
    wrapped = "java.util.concurrent.CompletionException: x\n\tat a.B.c(B.java)\nCaused by: "
    other_version = AT_ENRICH.replace("StreamMap.processElement", "ChainingOutput.push")
    assert sign(AT_ENRICH) == sign(wrapped + AT_ENRICH) == sign(other_version)


def test_what_compilers_and_the_jvm_number_changes_nothing():
    trace = (
        "a.B: x\n\tat com.shop.Job.lambda$main${0}(Job.java:{0})\n"
        "\tat com.shop.Job$$Lambda${0}/0x000{0}.map(Unknown Source)\n"
        "\tat com.shop.Job${0}.run(Job.java)\n\tat StreamExecCalc${0}.processElement(Unknown)\n"
        "\tat com.shop.Proxy$$EnhancerByX$${0}.call(<generated>)"
    )
    assert sign(trace.format(1)) == sign(trace.format(42))
    assert in_app(parse(trace.format(1)).cause) == (
        "com.shop.Job.lambda$main$",
        "com.shop.Job$.run",
        "com.shop.Proxy.call",
    )


def test_code_of_the_job_without_a_package_is_its_own():
    trace = parse("a.B: x\n\tat Main.run(Main.java:1)\n\tat Main$Step.map(Main.java:2)")
    assert in_app(trace.cause) == ("Main.run", "Main$Step.map")


def test_frames_far_from_the_throw_do_not_count():
    frames = [f"\tat com.shop.Step{n}.map(Step.java:1)\n" for n in range(9)]
    near, far = "a.B: x\n" + "".join(frames[:5]), "a.B: x\n" + "".join(frames)
    assert sign(near) == sign(far) != sign("a.B: x\n" + "".join(frames[:4]))


def test_an_out_of_memory_error_is_the_same_with_and_without_a_trace():
    bare = "java.lang.OutOfMemoryError: Java heap space"
    assert sign(bare) == sign(bare + "\n\tat com.shop.Enrich.map(Enrich.java:31)")
    assert sign(bare) != sign("java.lang.OutOfMemoryError: Metaspace")


def test_a_recursion_is_the_same_wherever_it_overflows():
    frames = ["\tat a.Tree.left(T.java)", "\tat a.Tree.right(T.java)", "\tat a.Tree.walk(T.java)"]
    texts = [
        "\n".join(["java.lang.StackOverflowError", *(frames[i:] + frames * 300)]) for i in (0, 1)
    ]
    assert sign(texts[0]) == sign(texts[1])


def test_without_message_and_code_of_the_job_the_topmost_frame_tells():
    trace = "java.lang.NullPointerException\n\tat org.apache.flink.{}.run(X.java:{})"
    assert sign(trace.format("A", 1)) == sign(trace.format("A", 2)) != sign(trace.format("B", 1))
    assert sign(trace.format("A", 1)).endswith(" NullPointerException at A.run")
    assert sign("java.lang.NullPointerException").endswith(" NullPointerException: ")


def test_a_text_without_a_class_is_signed_by_its_words():
    assert sign("worker 7 died").partition(" ")[2] == "worker # died"


def test_log_lines_of_one_logger_are_told_apart_by_their_words():
    assert sign_line("a.B", "took 5 ms") == sign_line("a.B", "took 612 ms")
    assert sign_line("a.B", "took 5 ms") != sign_line("a.C", "took 5 ms")
    assert sign_line("a.B", "took 5 ms") != sign_line("a.B", "lost 5 ms")


@pytest.mark.parametrize(
    ("message", "masked"),
    [
        ("required 17, but only 0 available", "required #, but only # available"),
        ("at 2026-01-01T10:00:00.123Z", "at #"),
        ("took 1,024.5 s, then -1e-9", "took # s, then #"),
        ("host 10.0.0.1:6123 and [fe80::1ff]", "host # and [fe#]"),
        ("job 00000000000000000000000000ab", "job #"),
        ("pod main-7d9f8b6c4d-x2x9k", "pod main#"),
        ("container_e10_1634_01", "container_e#"),
        ("no guava18 class com.shop.V2", "no guava# class com.shop.V#"),
        ("cannot write s3://bucket/x and /tmp/y", "cannot write # and #"),
        (r"C:\tmp\x is gone", "# is gone"),
        ("'a', \"b\" and (c)", "'a', \"b\" and (c)"),
        ("first\nsecond", "first"),
        ("", ""),
    ],
)
def test_masking_keeps_words_and_hides_what_varies(message, masked):
    assert mask(message) == masked


def test_very_long_traces_are_signed_without_the_cache():
    assert sign(AT_ENRICH + "\tat a.B.c(B.java)\n" * 9_000) == sign(
        AT_ENRICH + "\tat a.B.c(B.java)"
    )


@given(st.text())
def test_any_text_has_a_short_signature_of_this_version(text):
    version, told = sign(text).split(" ", 1)
    assert version.startswith("v1:") and len(version) == 15
    assert len(told) <= READABLE_CHARS
    assert "\n" not in sign(text)


@given(st.sampled_from([AT_ENRICH, REFUSED]), st.integers(), st.integers(), st.integers())
def test_no_number_changes_a_signature(trace, a, b, line):
    assert sign(trace.format(a, b, line)) == sign(trace.format(1, 2, 3))
