"""A PostgreSQL server on this machine, from what the system has installed: on 127.0.0.1."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from demo.child import Child, Children
from demo.port import free_port

USER = "squirrel"
PASSWORD = "acorn"
OLDEST = 15
DEBIAN = Path("/usr/lib/postgresql")
NOT_ROOT = ("postgres", "nobody")
"""PostgreSQL refuses to run as root: one of these that there is."""
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
POLL_S = 0.05
OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_buffers": "32MB",
    "dynamic_shared_memory_type": "mmap",  # in its folder, which we remove
    "max_connections": "60",
    "max_wal_size": "256MB",
    # A machine that loses its power loses a test as well; a kill of the server loses nothing.
    "fsync": "off",
    "log_min_messages": "warning",
}


def programs() -> Path | None:
    """The folder of the newest server that is installed and new enough."""
    found = [
        path.parent
        for path in DEBIAN.glob("*/bin/initdb")
        if path.parts[-3].isdigit() and int(path.parts[-3]) >= OLDEST
    ]
    if found:
        return max(found, key=lambda path: int(path.parts[-2]))
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


class Postgres:
    """A context manager; the server ends with this process however it ends, kill -9 included.

    Its data and its port stay the same over `kill` and `start`. `options` come over ours. Who comes
    needs a password; USER may do everything.
    """

    def __init__(self, options: Mapping[str, str] | None = None) -> None:
        self.port = free_port()
        self._extra = dict(options or {})
        self._children = Children()
        self._process: Child | None = None

    def url(self, database: str = "postgres", user: str = USER) -> str:
        """The address of a database, without the password."""
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Self:
        found = programs()
        if found is None:
            raise RuntimeError(f"No PostgreSQL {OLDEST} or newer is installed.")
        self.programs = found
        self.folder = Path(tempfile.mkdtemp(prefix="demo-postgres-", dir="/tmp"))
        try:
            self._as: tuple[str, ...] = ()
            if os.geteuid() == 0:
                user = next(u for u in pwd.getpwall() if u.pw_name in NOT_ROOT)
                os.chown(self.folder, user.pw_uid, user.pw_gid)
                ids = f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"
                self._as = ("setpriv", *ids, "--pdeathsig=KILL")
            password = self.folder / "password"
            password.write_text(PASSWORD)
            password.chmod(0o644)
            self._initialise(password)
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the server at once and remove its folder."""
        if self.is_alive:
            self.resume()
            self._end(signal.SIGQUIT)
        self._children.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        told = {**OPTIONS, "port": str(self.port), **self._extra}
        options = (f"--{name}={value}" for name, value in told.items())
        command = [*self._as, str(self.programs / "postgres"), "-D", str(self._data), *options]
        self._process = self._children.start(command, self._log, os.environ, self.folder)
        ready = [str(self.programs / "pg_isready"), "-q", "-h127.0.0.1", f"-p{self.port}"]
        deadline = time.monotonic() + START_TIMEOUT_S
        while subprocess.run(ready, check=False).returncode:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start:\n{self._log.read_text()[-4000:]}")
            time.sleep(POLL_S)

    def stop(self) -> None:
        """End it in order: who is connected is sent away."""
        self._end(signal.SIGINT)

    def _end(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Send SIGKILL to the server and all its processes, and wait for the end."""
        assert self._process is not None
        for pid in self._all():
            os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def pause(self) -> None:
        """Let it hang: connections stay, and nobody answers."""
        for pid in self._all():
            os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        for pid in self._all():
            os.kill(pid, signal.SIGCONT)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _log(self) -> Path:
        return self.folder / "server.log"

    def _all(self) -> list[int]:
        """The server's process, then those that it started."""
        assert self._process is not None
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def _initialise(self, password: Path) -> None:
        command = [
            *self._as,
            str(self.programs / "initdb"),
            f"--pgdata={self._data}",
            f"--username={USER}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
        ]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
        if done.returncode:
            raise RuntimeError(f"PostgreSQL could not be set up:\n{done.stdout}{done.stderr}")
