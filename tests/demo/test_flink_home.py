import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from demo import flink_home


def make_wheel(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as wheel:
        for name in names:
            wheel.writestr(name, name)
    return path


def make_source_archive(path: Path, *names: str) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(name)
            archive.addfile(info, io.BytesIO(name.encode()))
    return path


def unpacked(archive: Path, home: Path) -> list[str]:
    flink_home._unpack(archive, home)
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())


def test_a_wheel_gives_its_libraries_and_nothing_else(tmp_path: Path) -> None:
    wheel = make_wheel(
        tmp_path / "flink.whl",
        "pyflink/lib/flink-dist-2.3.0.jar",
        "pyflink/lib/log4j-api.jar",
        "pyflink/opt/flink-python-2.3.0.jar",
        "pyflink/version.py",
    )
    assert unpacked(wheel, tmp_path / "home") == ["lib/flink-dist-2.3.0.jar", "lib/log4j-api.jar"]


def test_a_source_archive_gives_the_same(tmp_path: Path) -> None:
    archive = make_source_archive(
        tmp_path / "flink.tar.gz", "x-1.18.1/deps/lib/flink-dist-1.18.1.jar", "x-1.18.1/setup.py"
    )
    assert unpacked(archive, tmp_path / "home") == ["lib/flink-dist-1.18.1.jar"]


def test_a_file_cannot_leave_the_folder(tmp_path: Path) -> None:
    wheel = make_wheel(
        tmp_path / "flink.whl", "pyflink/lib/flink-dist-2.3.0.jar", "pyflink/lib/../../../evil"
    )
    assert unpacked(wheel, tmp_path / "home") == ["lib/flink-dist-2.3.0.jar"]
    assert not (tmp_path / "evil").exists()


def test_an_archive_without_flink_is_refused(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "flink.whl", "pyflink/lib/log4j-api.jar")
    with pytest.raises(RuntimeError, match="no lib/flink-dist"):
        flink_home._unpack(wheel, tmp_path / "home")


def test_a_failed_download_says_what_pip_said_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMO_CACHE", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(RuntimeError, match=r"apache-flink-libraries==0\.0\.0"):
        flink_home.flink_home("0.0.0")
    assert [path.name for path in (tmp_path / "flink").iterdir()] == [".0.0.0.lock"]


def test_a_version_that_is_there_is_not_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEMO_CACHE", str(tmp_path))
    (tmp_path / "flink" / "2.3.0").mkdir(parents=True)
    assert flink_home.flink_home("2.3.0") == tmp_path / "flink" / "2.3.0"
