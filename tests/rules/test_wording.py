"""Numbers as a person reads them."""

import pytest

from drsquirrel.rules import wording


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0 ms"),
        (340, "340 ms"),
        (999.99, "1,000 ms"),
        (1_200, "1.2 s"),
        (41_000, "41 s"),
        (222_000, "3.7 min"),
        (600_000, "10 min"),
        (32_400_000, "9 h"),
        (259_200_000, "3 days"),
    ],
)
def test_a_duration_takes_the_unit_with_few_digits(ms: float, text: str) -> None:
    assert wording.duration(ms) == text


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (wording.percent(0.004), "0.4 %"),
        (wording.percent(0.98), "98 %"),
        (wording.percent(1), "100 %"),
        (wording.count(902_117), "902,117"),
        (wording.count(2.0), "2"),
        (wording.about(13_946), "14,000"),
        (wording.about(96), "96"),
        (wording.about(4.24), "4.2"),
        (wording.count(9.96), "10"),
        (wording.times(3.14), "3.1×"),
        (wording.plural(1, "restart"), "1 restart"),
        (wording.plural(0, "restart"), "0 restarts"),
        (wording.record_time(850), "850 µs"),
        (wording.record_time(3_100), "3.1 ms"),
        (wording.option_time(900_000), "15 min"),
        (wording.option_time(90_000), "90 s"),
        (wording.mebibytes(2**29), "512 MB"),
        (wording.mebibytes(2**29, unit="m"), "512m"),
        (wording.last_seen(59), "in the last minute"),
        (wording.last_seen(49), "10 min ago"),
        (wording.per_second(41_000), "41,000 records/s"),
    ],
)
def test_a_number_has_its_unit_and_no_false_digits(said: str, text: str) -> None:
    assert said == text
