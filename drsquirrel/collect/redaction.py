"""Takes secrets out of what Flink answers, before anything is stored, recorded or shown.

A value is hidden by its key (`secret.is_secret`) or by its look (`secret.hide`). A string that
cannot be examined is replaced, never passed. Redacting twice changes nothing more.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import msgspec

from drsquirrel.collect.secret import Secrets, mark

MAX_DEPTH = 100
"""Flink nests its answers 8 deep; what is deeper is not examined but replaced."""
MAX_ITEMS = 250_000
"""Of one answer; one about 5,000 subtasks has 125,000. A larger one that is suspicious is hidden
whole, for each item would have to be looked at."""
MAX_CHARS = 1 << 18
"""Of one text; a stack trace has 10,000. What follows is not examined but cut off."""


class Redaction:
    """Hides secrets in decoded JSON and in text; counts what it could not examine.

    `additional_keys` are parts of keys, of any case, whose values are hidden too.
    """

    def __init__(self, additional_keys: Iterable[str] = ()) -> None:
        self._secrets = Secrets(tuple(additional_keys))
        self.failures = 0

    def redact(self, path: str, answer: Any) -> Any:
        """The answer to a GET of `path` without its secrets; the answer itself is not changed.

        Under /metrics the names are those of metrics, of operators called "Tokenizer" too: there
        only the look of a value counts.
        """
        try:
            encoded = msgspec.json.encode(answer)
            if not self._secrets.suspects(encoded):
                return answer
            if encoded.count(b",") >= MAX_ITEMS:
                return self._failed()
        except (TypeError, ValueError, RecursionError):
            pass
        return self._node(answer, "/metrics" not in path, 0)

    def suspects(self, messages: Iterable[bytes]) -> bool:
        """Whether there may be a secret in any of these messages in JSON: False is certain. Any
        letter may be written as an escape."""
        joined = b"\n".join(messages)
        return b"\\u" in joined or b"\\/" in joined or self._secrets.suspects(joined)

    def redact_message(self, encoded: bytes, *, names_metrics: bool) -> Any | None:
        """A message in JSON without its secrets, decoded; None where it surely has none.

        `names_metrics`: its names are those of metrics, of operators called "Tokenizer" too.
        """
        if not self.suspects([encoded]):
            return None
        return self.redact("/metrics" if names_metrics else "", msgspec.json.decode(encoded))

    def redact_text(self, text: str) -> str:
        """The text without its secrets; of a very long one the beginning, up to a white space."""
        cut = ""
        if len(text) > MAX_CHARS:
            # Not within a word: a secret that is cut in two is no longer known as one.
            words = text[:MAX_CHARS].rsplit(maxsplit=1)
            if len(words) < 2:
                return self._failed()
            text, cut = words[0], " … (cut)"
        try:
            return self._secrets.hide(text) + cut
        except Exception:
            # Whatever it was (half a surrogate pair, say): unseen is not clean.
            return self._failed()

    def _failed(self) -> str:
        self.failures += 1
        return mark("failure")

    def _node(self, node: Any, keys_count: bool, depth: int) -> Any:
        if isinstance(node, str):
            return self.redact_text(node)
        if node is None or isinstance(node, bool | int | float):
            return node
        if depth > MAX_DEPTH or not isinstance(node, dict | list):
            return self._failed()
        if isinstance(node, list):
            return self._list(node, keys_count, depth)
        redacted = {
            self.redact_text(key): self._hidden(value, depth)
            if keys_count and self._is_secret(key, value)
            else self._node(value, keys_count, depth + 1)
            for key, value in node.items()
        }
        # Flink's configurations and accumulators: {"key": …, "value": …}, {"name": …, "value": …}.
        key = node.get("key", node.get("name"))
        if keys_count and "value" in node and self._is_secret(key, node["value"]):
            redacted["value"] = self._hidden(node["value"], depth)
        return redacted

    def _list(self, items: list[Any], keys_count: bool, depth: int) -> list[Any]:
        """A list; in one of program arguments the item after "--password" is hidden."""
        redacted = [self._node(item, keys_count, depth + 1) for item in items]
        for i, (flag, value) in enumerate(pairwise(items), start=1):
            is_flag = isinstance(flag, str) and flag.startswith("-") and "=" not in flag
            is_value = isinstance(value, str) and not value.startswith("-")
            if is_flag and is_value and self._is_secret(flag, value):
                redacted[i] = mark("key")
        return redacted

    def _is_secret(self, key: Any, value: Any) -> bool:
        if not isinstance(key, str):
            return False
        text = "…" if isinstance(value, dict | list) else str(value)
        return self._secrets.is_secret(key.encode(errors="replace"), text.encode(errors="replace"))

    def _hidden(self, node: Any, depth: int) -> Any:
        """What stands under a secret key: everything but null and booleans is hidden."""
        if node is None or isinstance(node, bool) or node == "":
            return node
        if depth > MAX_DEPTH:
            return self._failed()
        if isinstance(node, dict):
            return {self.redact_text(k): self._hidden(v, depth + 1) for k, v in node.items()}
        if isinstance(node, list):
            return [self._hidden(item, depth + 1) for item in node]
        return mark("key")
