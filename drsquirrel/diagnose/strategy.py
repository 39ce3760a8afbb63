"""The restart strategy of a job in short plain words, from Flink's sentence about it."""

import re

from drsquirrel.rules.wording import HOUR_MS, MINUTE_MS, SECOND_MS, duration, plural

FIXED = re.compile(r"Restart with fixed delay \((.+)\)\. #(\d+) restart attempts\.")
RATE = re.compile(
    r"Failure rate restart with maximum of (\d+) failures within interval (.+) "
    r"and fixed delay (.+?)\.?"
)
GROWING = re.compile(
    r"Restart with exponential delay: starting at (.+), increasing by .+, with maximum (.+)\. "
    r"Delay resets .+"
)
PLAIN = {
    "Restart deactivated.": "off",
    "Cluster level default restart strategy": "the cluster's default",
}
MILLISECONDS = re.compile(r"(\d{1,15}) ms")
"""As Flink 1.18 writes a time span."""
ISO = re.compile(r"PT(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9}(?:\.\d{1,9})?)S)?")
"""As Java and later versions of Flink write it."""
UNLIMITED = 2**31 - 1


def in_words(strategy: str) -> str:
    """ "fixed delay of 5 s, 1,000,000 attempts"; a sentence that is not known stays as it is.

    The sentences are those of Flink's RestartStrategyDescriptionUtils, and of RestartStrategies
    before 2.0.
    """
    if fixed := FIXED.fullmatch(strategy):
        attempts = int(fixed[2])
        told = "any number of attempts" if attempts == UNLIMITED else plural(attempts, "attempt")
        return f"fixed delay of {_span(fixed[1])}, {told}"
    if rate := RATE.fullmatch(strategy):
        failures = plural(int(rate[1]), "failure")
        return f"fixed delay of {_span(rate[3])}, at most {failures} in {_span(rate[2])}"
    if growing := GROWING.fullmatch(strategy):
        return f"delay growing from {_span(growing[1])} to {_span(growing[2])}"
    return PLAIN.get(strategy, strategy)


def _span(text: str) -> str:
    if plain := MILLISECONDS.fullmatch(text):
        return duration(int(plain[1]))
    if text != "PT" and (iso := ISO.fullmatch(text)):
        hours, minutes, seconds = (float(part or 0) for part in iso.groups())
        return duration(hours * HOUR_MS + minutes * MINUTE_MS + seconds * SECOND_MS)
    return text
