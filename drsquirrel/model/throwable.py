"""A Java stack trace as a value: the chain of causes, each with its class, message and frames.

The text may be cut anywhere, come from any JVM language and be hostile: parsing is linear, bounded,
and always gives at least one throwable.
"""

from msgspec import Struct

TEXT_CHARS = 131_072
"""Read of one text; of a longer one the head and the tail, where the deepest cause stands."""
MESSAGE_CHARS = 2_000
FRAMES = 1_024
"""Java prints no more frames of one throwable unless told otherwise."""
SHARED_FRAMES = 64
"""Frames taken over from the enclosing throwable for "... n more"."""

WRAPPERS: frozenset[str] = frozenset(
    {
        "java.io.UncheckedIOException",
        "java.lang.reflect.InvocationTargetException",
        "java.lang.reflect.UndeclaredThrowableException",
        "java.security.PrivilegedActionException",
        "java.util.concurrent.CompletionException",
        "java.util.concurrent.ExecutionException",
        "org.apache.flink.client.program.ProgramInvocationException",
        "org.apache.flink.runtime.JobException",
        "org.apache.flink.runtime.client.JobExecutionException",
        "org.apache.flink.runtime.client.JobInitializationException",
        "org.apache.flink.runtime.util.SerializedThrowable",
        "org.apache.flink.streaming.runtime.tasks.AsynchronousException",
        "org.apache.flink.streaming.runtime.tasks.ExceptionInChainedOperatorException",
        "org.apache.flink.util.FlinkException",
        "org.apache.flink.util.FlinkRuntimeException",
        "org.apache.flink.util.SerializedThrowable",
        "org.apache.flink.util.WrappingRuntimeException",
    }
)
"""Throwables that mostly say that another one was thrown: "Recovery is suppressed by …"."""


class Thrown(Struct, frozen=True):
    """One throwable: its class ("" where the text names none), message, and frames from the top.

    A frame is `package.Class.method(File.java:12)` without class loader and module.
    """

    type: str
    message: str
    frames: tuple[str, ...] = ()


class Trace(Struct, frozen=True):
    """The throwables of one text from the outermost to the deepest cause, and the suppressed."""

    chain: tuple[Thrown, ...]
    suppressed: tuple[Thrown, ...] = ()

    @property
    def cause(self) -> Thrown:
        """The deepest throwable that is no wrapper; if all are, the deepest."""
        telling = [thrown for thrown in self.chain if thrown.type not in WRAPPERS]
        return telling[-1] if telling else self.chain[-1]


def parse(text: str) -> Trace:
    """The trace that `text` is, or begins with after a log line's own words."""
    if len(text) > TEXT_CHARS:
        text = text[: TEXT_CHARS // 2] + "\n" + text[-TEXT_CHARS // 2 :]
    reader = _Reader()
    for line in text.splitlines():
        reader.read(line)
    return Trace(tuple(map(_unwrapped, reader.chain())), tuple(reader.suppressed()))


class _Draft:
    """A throwable while its lines are read."""

    __slots__ = ("frames", "message", "type")

    def __init__(self, header: str) -> None:
        self.type, message = _type_and_message(header)
        self.message = message[:MESSAGE_CHARS]
        self.frames: list[str] = []

    def thrown(self) -> Thrown:
        return Thrown(self.type, self.message.rstrip(), tuple(self.frames))


class _Reader:
    """Reads line by line; what is indented below "Suppressed:" is kept apart from the chain."""

    def __init__(self) -> None:
        self._chain: list[_Draft] = []
        self._suppressed: list[_Draft] = []
        self._current: _Draft | None = None
        self._suppressed_indent = 0
        """Of the line that began the suppressed branch that is being read; 0: none."""

    def chain(self) -> list[Thrown]:
        return [draft.thrown() for draft in self._chain] or [Thrown("", "")]

    def suppressed(self) -> list[Thrown]:
        return [draft.thrown() for draft in self._suppressed]

    def read(self, line: str) -> None:
        words = line.lstrip()
        current = self._current
        if not words or words.startswith("[CIRCULAR REFERENCE"):
            return
        if current is None:
            self._begin(self._chain, words.removeprefix("Caused by: ").removeprefix("Suppressed: "))
        elif words.startswith("at ") and (frame := _frame(words)):
            if len(current.frames) < FRAMES:
                current.frames.append(frame)
        elif words.startswith("Caused by: "):
            self._cause(len(line) - len(words), words.removeprefix("Caused by: "))
        elif words.startswith("Suppressed: "):
            self._suppressed_indent = self._suppressed_indent or max(1, len(line) - len(words))
            self._begin(self._suppressed, words.removeprefix("Suppressed: "))
        elif words.startswith("... ") and words.endswith(" more"):
            self._share(words[4:-5])
        elif not current.frames:
            self._continue(current, line, words)

    def _continue(self, current: _Draft, line: str, words: str) -> None:
        """A line before the first frame belongs to the message, or is the header at last."""
        if not current.type and is_class_name(words.partition(": ")[0]):
            # What came before was a log line or a time, as Flink's older REST answers begin.
            self._chain.pop()
            self._begin(self._chain, words)
        elif len(current.message) < MESSAGE_CHARS:
            current.message = f"{current.message}\n{line}"[:MESSAGE_CHARS]

    def _begin(self, drafts: list[_Draft], header: str) -> None:
        self._current = _Draft(header)
        drafts.append(self._current)

    def _cause(self, indent: int, header: str) -> None:
        if header.startswith("[CIRCULAR REFERENCE"):
            return
        if self._suppressed_indent and indent >= self._suppressed_indent:
            self._begin(self._suppressed, header)
        else:
            self._suppressed_indent = 0
            self._begin(self._chain, header)

    def _share(self, count: str) -> None:
        """Java prints "... n more" for the last n frames of the enclosing throwable."""
        if self._suppressed_indent or len(self._chain) < 2 or not _is_small_number(count):
            return
        enclosing, current = self._chain[-2].frames, self._chain[-1].frames
        current += enclosing[max(0, len(enclosing) - int(count)) :][:SHARED_FRAMES]


def _is_small_number(text: str) -> bool:
    return len(text) < 6 and text.isascii() and text.isdigit()


def _frame(words: str) -> str:
    """`at app//a.B.c(B.java:1) ~[x.jar:1]` as `a.B.c(B.java:1)`; "" if it is no frame."""
    bracket = words.find("(")
    place = words[3 : max(bracket, 0)]
    if "." not in place or " " in place:
        return ""
    if "/" in place:
        named = place.find("$$Lambda")
        place = place[place.rfind("/", 0, named if named >= 0 else len(place)) + 1 :]
    return f"{place}{words[bracket:].partition(')')[0]})"


def _type_and_message(header: str) -> tuple[str, str]:
    """Class and message of `a.B: message`, of `a.B`, or of a log line that ends like that."""
    first, _, message = header.partition(": ")
    if is_class_name(first.rstrip(":")):
        return first.rstrip(":"), message
    at = 0
    for word in header[:MESSAGE_CHARS].split(" "):
        name = word.rstrip(":")
        if name.endswith(("Exception", "Error")) and "." in name and is_class_name(name):
            return name, header[at + len(word) + 1 :]
        at += len(word) + 1
    return "", header


def is_class_name(text: str) -> bool:
    """Whether it reads like a Java class: `a.b.C`, `C$D`, or a bare name of a throwable."""
    if not text.replace(".", "a").replace("$", "a").isidentifier():
        return False
    return "." in text or text.endswith(("Exception", "Error", "Throwable"))


def _unwrapped(thrown: Thrown) -> Thrown:
    """What a wrapper without its cause wraps, where its message says so: `a.B: message`."""
    if thrown.type not in WRAPPERS:
        return thrown
    inner, _, message = thrown.message.partition(": ")
    if "." in inner and is_class_name(inner):
        return Thrown(inner, message, thrown.frames)
    return thrown


def cut(text: str, longest: int) -> str:
    """The text in at most `longest` characters: head and tail, where the deepest cause stands."""
    if len(text) <= longest:
        return text
    gap = "\n\t... cut ...\n"
    tail = longest // 3
    return f"{text[: longest - tail - len(gap)]}{gap}{text[-tail:]}"
