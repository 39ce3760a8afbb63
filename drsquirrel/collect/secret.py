"""What a secret looks like: the rules on keys, and the rules on text.

Rules work on UTF-8 bytes with RE2, so no input makes them slow. Sources of the key rules: the list
of Flink's GlobalConfiguration as of FLINK-39561, then ours.
"""

from re import Match  # what those of re2 look like, which has no types

import re2

FLINK_KEYS = (
    rb"password|secret|fs\.azure\.account\.key|apikey|auth-params|service-key|token|basic-auth|"
    rb"jaas\.config|http-headers|access-key|access\.key|accesskey"
)
OUR_KEYS = (
    rb"passw|passphrase|passcode|pwd|pass(?:$|[^a-z])|(?-i:[a-z0-9]Pass[A-Z0-9])|"
    rb"(?:^|[^a-z])dsn(?:$|[^a-z])|credential|keytab|private|conn(?:ection)?[._\- ]?str|jaas|"
    rb"authorization|cookie|webhook|identified by|"
    rb"(?:api|access|account|service|encryption|signing|master|shared|license|keystore|customer|"
    rb"storage)[._\- ]?key"
)
# A part of every key that a rule above hits, and of the keys of presigned addresses.
_KEY_STEMS = (
    rb"pass|pwd|secret|token|dsn|credential|keytab|private|conn(?:ection)?[._\- ]?str|jaas|"
    rb"auth-params|basic-auth|http-headers|authorization|cookie|webhook|identified by|"
    rb"signature|"
    rb"(?:api|access|account|service|encryption|signing|master|shared|license|keystore|customer|"
    rb"storage)[._\- ]?key"
)
# A part of everything else that a rule below can hit.
_LOOK_STEMS = (
    rb"//[^\s\"]*@|%2f%2f[^\s\"]*%40|hooks\.slack|"
    rb"jdbc[:_]oracle|loginmodule|bearer|basic |eyj|-----begin|aiza|ya29\.|gocspx-|"
    rb"\dq~|xox[a-z]-|xapp-|gh[a-z]_|glpat-|[sr]k_(?:live|test)_|hv[sbr]\.|npm_|dapi[0-9a-f]{8}|"
    rb"sg\.|(?-i:A[A-Z]{3}[A-Z0-9]{16})"
)
_LOOK = re2.compile(rb"(?i)" + _LOOK_STEMS)

_SHOWN_ANYWAY = re2.compile(
    rb"(?i)(?:|true|false|yes|no|none|null|writer|committer|global committer|\*+)"
)
_MEASURE_KEY = re2.compile(
    rb"(?i)(?:^|[._\-])(?:size|interval|period|timeout|ttl|ratio|backoff|delay|count|retries|"
    rb"attempts|limit|lifetime|length|max|min|ms)$"
)
_MEASURE = re2.compile(rb"(?i)\d+(?:\.\d+)? ?[a-z%]{0,12}")
_CLASS_KEY = re2.compile(rb"(?i)(?:^|[._\-])(?:class|provider|providers|factory|type|impl)$")
_CLASS = re2.compile(rb"(?:[a-z]\w*\.)+[A-Z][\w$]*(?:[,;]\s*(?:[a-z]\w*\.)+[A-Z][\w$]*)*")

_PEM = re2.compile(
    rb"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----"
    rb".*?(?:-----END [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----|$)"
)
_JAAS = re2.compile(
    rb"(?i)(LoginModule\s+)(?:required|requisite|sufficient|optional)\b(?:[^;\"]|\"[^\"]*\"?)*;?"
)
# user:password@ where what follows the colon is not a port; then a lone user of http.
_USERINFO = re2.compile(
    rb"(?i)((?:\b[a-z][a-z0-9+.\-]*:)?//)[^\s/?#@:'\"<>]*:(?:"
    rb"(?:[^\d\s/@'\"<>]|\d+[^\d\s/?#@'\"<>,])(?:[^\s?#'\"<>]*@|[^\s/'\"<>]*@)|\d*@)"
    rb"|\b(https?://)[^\s/?#@:'\"<>]+@"
)
# The same within an address, where it is escaped.
_ESCAPED_USERINFO = re2.compile(rb"(?i)(%2f%2f)[^\s/?#@'\"<>&]*?%3a[^\s/?#@'\"<>&]*?%40")
# The same in a metric's name, in which Flink writes colons as underscores.
_METRIC_USERINFO = re2.compile(rb"(?i)([a-z][a-z0-9+.\-]*_//)[^\s/?#@'\"<>]*_[^\s/@'\"<>]*@")
_ORACLE = re2.compile(rb"(?i)(jdbc[:_]oracle[:_][a-z0-9]+[:_])[^\s/@'\"<>]+/[^\s@'<>]+@")
_TOKEN = re2.compile(
    rb"\beyJ[\w\-]{8,}\.[\w\-]{4,}(?:\.[\w\-]*){1,4}|"
    rb"\b(?:AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AROA|ANPA)[A-Z0-9]{16}\b|"
    rb"\bAIza[\w\-]{35}|\bya29\.[\w\-.]+|\bGOCSPX-[\w\-]{20,}|[\w~.\-]{3}\dQ~[\w~.\-]{31,}|"
    rb"\bxox[a-z]-[\w\-]{8,}|\bxapp-[\w\-]{8,}|"
    rb"\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w\-]{16,}|\b[sr]k_(?:live|test)_\w{10,}|"
    rb"\bhv[sbr]\.[\w\-]{20,}|\bnpm_\w{30,}|\bdapi[0-9a-f]{32}|"
    rb"\bSG\.[\w\-]{16,}\.[\w\-]{16,}|"
    rb"(?i:\bBearer)\s+[A-Za-z.~+/_\-]*\d[\w.~+/\-]*=*|\bBasic\s+[A-Za-z0-9+/]{8,}={1,2}|"
    rb"(?:hooks\.slack\.com/\w+|webhook\.office\.com/\w+|discord(?:app)?\.com/api/webhooks)"
    rb"/[^\s\"'<>]+"
)
_QUOTE = rb"(?:\\*[\"'`]|&(?:quot|apos|#39|#34|#x27|#x22);|(?i:%2[27]|\\+u002[27]))"
_OPENING = re2.compile(rb"[\w\-]{0,16}(" + _QUOTE + rb")")
# What follows a quote that closes: the one around both key and value opens no value.
_CLOSED = re2.compile(rb"[\s,;:.)\]}>&|\\]|$")
_UNTIL_QUOTE = {
    quote: re2.compile(rb"(?s)(?:[^" + quote + rb"\\]|\\.|" + quote + quote + rb")*")
    for quote in (b'"', b"'", b"`")
}
_CLOSING_BRACKET = {b"[": b"]", b"{": b"}", b"(": b")"}
_ENTITY = rb"(?:&(?:amp|lt|gt|quot|apos|#39|#34);|<br/?>)"
_NEXT_NAME = rb"(?:--?)?" + _QUOTE + rb"?[\w.\-]+" + _QUOTE + rb"?\s*[=:]"
# A bare value ends at white space, or at a delimiter behind which the next name or nothing stands:
# passwords have commas and brackets in them.
_BARE = re2.compile(
    rb"(\S+?)(?:(?:" + _ENTITY + rb"|[,;&|)\]}<>\"'`\\])+(?:\s|$|" + _NEXT_NAME + rb"|br)|\s|$)"
)
_BARE_LINE = re2.compile(
    rb"([^\r\n]+?)(?:(?:"
    + _ENTITY
    + rb"|[,;&|)\]}<>\"'`\\\s])+(?:"
    + _NEXT_NAME
    + rb"|--?[\w.])|[\r\n]|$)"
)
_WHOLE_LINE = re2.compile(rb"([^\r\n]+)")
_SCHEME = re2.compile(rb"(?i)(?:basic|bearer|negotiate|token|apikey|sharedkey)\s+")
_MANY_PARTS = re2.compile(rb"(?i)(?:digest|aws4|oauth|hawk)")
_SOURCE_LINE = re2.compile(rb"\.(?:java|scala|kt|groovy|py|jar)$")
_THROWABLE = re2.compile(rb"(?:Exception|Error|Failure)$")
_CLASS_NAME = re2.compile(rb"^(?:\w+\.){2,}[A-Z]\w*$")
_SENTENCE = re2.compile(rb"\S{1,200}[ \t]+\w")
_PORT = re2.compile(rb"\d{2,5}\b")
_ENDS_IN_SECRET = re2.compile(rb"(?i)(?:password|passwd|pass|pwd|secret|token|key)\d*$")


DOTS = "••••"
_DOTS = DOTS.encode()


def mark(rule: str) -> str:
    """What stands in the place of a secret: it tells the rule, and not even the length."""
    return f"{DOTS} (redacted: {rule})"


class Secrets:
    """The rules, with the caller's additional parts of keys."""

    def __init__(self, additional_keys: tuple[str, ...] = ()) -> None:
        more = [re2.escape(key.encode()) for key in additional_keys if key]
        stems = b"|".join([_KEY_STEMS, *more])
        name = rb"[\w.\-]*(?:" + stems + rb"|\bsig\b)[\w.\-]*"
        # In JSON "sig" may follow the letter of an escape, and begins no word then.
        self._suspect = re2.compile(rb"(?i)" + stems + rb"|sig\b|" + _LOOK_STEMS)
        self._key = re2.compile(rb"(?i)" + FLINK_KEYS + b"|" + OUR_KEYS)
        self._additional_key = re2.compile(rb"(?i)" + b"|".join(more)) if more else None
        # In a metric's name Flink writes blanks as underscores.
        self._pair = re2.compile(
            rb"(?i)(property: )?(" + name + rb")"
            rb"(" + _QUOTE + rb"?(?:\s*,\s*" + _QUOTE + rb"value" + _QUOTE + rb")?"
            rb"[\s_]*(?::=|=>|==?|:|%3[ad])\s*|,? +)"
        )
        self._element = re2.compile(
            rb"(?i)(<(" + name + rb")(?:\s[^<>]*)?>|<name>\s*(" + name + rb")\s*</name>\s*<value>)"
            rb"([^<]+)(</)"
        )

    def suspects(self, text: bytes) -> bool:
        """Whether a rule could hit anything in this text: False is certain."""
        return self._suspect.search(text) is not None

    def is_secret(self, key: bytes, value: bytes) -> bool:
        """Whether the value under this key is to be hidden.

        Sizes, durations, switches and class names are shown: "state.backend.token-cache.size" has
        no secret, unless its key is one of the caller's.
        """
        if _SHOWN_ANYWAY.fullmatch(value):
            return False
        if self._is_additional(key):
            return True
        if self._key.search(key) is None:
            return False
        if _MEASURE_KEY.search(key) and _MEASURE.fullmatch(value):
            return False
        return not (_CLASS_KEY.search(key) and _CLASS.fullmatch(value))

    def _is_additional(self, key: bytes) -> bool:
        return self._additional_key is not None and self._additional_key.search(key) is not None

    def _may_be_secret(self, key: bytes) -> bool:
        return self._is_additional(key) or self._key.search(key) is not None

    def hide(self, text: str) -> str:
        """The text with every secret in it replaced; raises UnicodeError on half characters."""
        raw = text.encode()
        if not self.suspects(raw):
            return text
        looks = _LOOK.search(raw) is not None
        if looks:
            raw = _PEM.sub(mark("pem").encode(), raw)
            raw = _JAAS.sub(rb"\1" + mark("jaas").encode(), raw)
        # Pairs after the rules that span words, before those that hit within one.
        if b"</" in raw:
            raw = self._element.sub(self._hide_element, raw)
        raw = self._hide_pairs(raw)
        if looks:
            raw = _USERINFO.sub(rb"\1\2" + mark("url").encode() + b"@", raw)
            raw = _ESCAPED_USERINFO.sub(rb"\1" + mark("url").encode() + b"@", raw)
            raw = _METRIC_USERINFO.sub(rb"\1" + mark("url").encode() + b"@", raw)
            raw = _ORACLE.sub(rb"\1" + mark("url").encode() + b"@", raw)
            raw = _TOKEN.sub(mark("token").encode(), raw)
        return str(raw, "utf-8")

    def _hide_element(self, found: Match[bytes]) -> bytes:
        key = found.group(2) or found.group(3)
        if not self.is_secret(key, found.group(4)):
            return found.group()
        return found.group(1) + mark("key").encode() + found.group(5)

    def _hide_pairs(self, raw: bytes) -> bytes:
        pieces: list[bytes] = []
        done = 0
        for found in self._pair.finditer(raw):
            if found.start() < done:
                continue
            span = self._secret_span(raw, found)
            if span is not None:
                start, end, shown = span
                pieces += [raw[done:start], shown]
                done = end
        return b"".join([*pieces, raw[done:]])

    def _secret_span(self, raw: bytes, found: Match[bytes]) -> tuple[int, int, bytes] | None:
        """Start and end of the value that belongs to a key in a text, and what to show instead.

        The end is looked for only where the value is to be hidden, if not by its look: what is
        shown may hold many more pairs, and each would be looked through anew.
        """
        key, gap, start = found.group(2), found.group(3), found.end()
        presigned = gap == b"=" and key.lower().endswith((b"signature", b"sig"))
        if not (_is_pair(raw, found) and (presigned or self._may_be_secret(key))):
            return None
        scheme = _SCHEME.match(raw, start)
        start = scheme.end() if scheme else start
        opening = _OPENING.match(raw, start)
        if opening and opening.start(1) > start and _CLOSED.match(raw, opening.end()):
            opening = None
        if raw.startswith(_DOTS, opening.end() if opening is not None else start):
            return None
        if opening is not None:
            quote, inner = opening.group(1), opening.end()
            end = _end_of_quoted(raw, inner, quote)
            secret, shown = raw[inner:end], quote + mark("pair").encode()
        else:
            end = start if b"\n" in gap else _end_of_bare(raw, start, found)
            secret, shown = raw[start:end], mark("pair").encode()
            if len(secret) == 1 and not secret.isalnum():  # "unexpected token: }"
                return None
        if not (presigned or self.is_secret(key, secret)):
            return None
        return start, end, shown


def _is_pair(raw: bytes, found: Match[bytes]) -> bool:
    """Whether what looks like a key and a separator is one, and no class, frame or address."""
    key, start = found.group(2), found.end()
    separator = found.group(3).strip()[-1:]
    if separator == b"":
        is_flag = key.startswith(b"-") and raw[start : start + 1] != b"-"
        return is_flag or key.lower() == b"identified by"
    if separator == b",":
        return found.group(1) is not None
    if separator != b":":
        return True
    if (
        _SOURCE_LINE.search(key)
        or _THROWABLE.search(key)
        or raw[found.start() - 1 : found.start()] == b"$"
    ):
        return False
    if _CLASS_NAME.search(key) and _SENTENCE.match(raw, start):
        return False
    return not _PORT.match(raw, start) or _ENDS_IN_SECRET.search(key) is not None


def _end_of_quoted(raw: bytes, start: int, quote: bytes) -> int:
    """Where the quoted value ends; the end of the text where the closing quote was cut off."""
    if quote in _UNTIL_QUOTE:
        inside = _UNTIL_QUOTE[quote].match(raw, start)
        return int(inside.end())
    end = raw.find(quote, start)
    while end >= 0 and raw.startswith(quote, end + len(quote)):
        end = raw.find(quote, end + 2 * len(quote))
    return end if end >= 0 else len(raw)


def _end_of_bare(raw: bytes, start: int, found: Match[bytes]) -> int:
    """Where a value without quotes ends."""
    closing = _CLOSING_BRACKET.get(raw[start : start + 1])
    if closing is not None:
        end = raw.find(closing, start)
        return end + 1 if end >= 0 else len(raw)
    key = found.group(2).lower()
    if key.endswith(b"cookie") or _MANY_PARTS.match(raw, start):
        pattern = _WHOLE_LINE
    elif _starts_line(raw, found.start()):
        pattern = _BARE_LINE
    else:
        pattern = _BARE
    bare = pattern.match(raw, start)
    return int(bare.end(1)) if bare else start


def _starts_line(raw: bytes, position: int) -> bool:
    before = raw[max(0, position - 80) : position]
    return before.rpartition(b"\n")[2].strip() == b"" and (b"\n" in before or position <= 80)
