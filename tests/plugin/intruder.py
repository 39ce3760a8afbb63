"""Intruder.java: says hostile things to the plugin in a process of its own, without a cluster."""

from pathlib import Path

from demo.jobs.build import compile_classes, write_jar
from tests.plugin.harness import FLINK, LOG4J, Java

SOURCE = Path(__file__).parent / "Intruder.java"
SAID_S = 300.0


def compiled(folder: Path) -> Path:
    """Its jar, for every version of Flink."""
    jar = folder / "intruder.jar"
    write_jar(compile_classes([SOURCE], "1.18.1"), jar)
    return jar


def intruder(
    jar: Path,
    classes: Path,
    folder: Path,
    what: str,
    *options: str,
    flink: str = FLINK,
    log4j: str = LOG4J,
    jvm_args: tuple[str, ...] = (),
) -> Java:
    """Started; `what` is "texts FILE" or what to flood with, and how often."""
    return Java(
        jar,
        folder,
        SOURCE.stem,
        *what.split(" "),
        *options,
        jvm_args=jvm_args,
        log4j=log4j,
        flink=flink,
        classes=classes,
    )
