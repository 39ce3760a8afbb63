"""Threads whose end nobody waits for: what the event loop looks host names up in."""

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Thread
from typing import Any


class Unawaited(ThreadPoolExecutor):
    """A thread for each call, which nobody waits for at the end.

    The event loop looks up host names in threads. Where the name service hangs, so do these, and
    neither another cluster nor the end of the process shall wait for them.
    """

    def submit(self, call: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = call(*args, **kwargs)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)

        Thread(target=run, daemon=True).start()
        return future
