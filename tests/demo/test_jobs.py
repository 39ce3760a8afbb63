import pytest

from demo.jobs import build


def test_the_jar_holds_what_its_sources_give() -> None:
    built_with, committed = build.read_jar()
    here = build.javac_version()
    if here is None:
        pytest.skip("NOT CHECKED: no javac here, so the committed jar was not compared")
    if here != built_with:
        pytest.skip(f"NOT CHECKED: the jar was built by javac {built_with}, here is {here}")
    assert build.compile_classes() == committed


def test_the_jar_holds_a_class_for_every_source() -> None:
    _, committed = build.read_jar()
    sources = {
        str(path.relative_to(build.SOURCES).with_suffix(".class"))
        for path in build.SOURCES.rglob("*.java")
    }
    assert sources <= set(committed)


def test_the_classes_run_on_java_11() -> None:
    _, committed = build.read_jar()
    assert {int.from_bytes(code[6:8], "big") for code in committed.values()} == {55}


def test_writing_the_jar_twice_gives_the_same_bytes(tmp_path) -> None:
    _, classes = build.read_jar()
    for name in ("a.jar", "b.jar"):
        build.write_jar(classes, tmp_path / name)
    assert (tmp_path / "a.jar").read_bytes() == (tmp_path / "b.jar").read_bytes()
