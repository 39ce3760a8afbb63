"""What is remembered stays within its bounds, whatever it is asked with."""

from drsquirrel.watch.remember import remembered


def test_it_works_out_once_what_is_light_and_forgets_all_when_there_is_no_more_room() -> None:
    asked: list[str] = []

    @remembered(2, len, 3)
    def loud(word: str) -> str:
        asked.append(word)
        return word.upper()

    assert [loud(word) for word in ("a", "b", "a", "b")] == ["A", "B", "A", "B"]
    assert asked == ["a", "b"]
    assert [loud("long") for _ in range(2)] == ["LONG", "LONG"] and asked[2:] == ["long", "long"]
    loud("c")
    loud("a")
    loud("c")
    assert asked[4:] == ["c", "a"]
