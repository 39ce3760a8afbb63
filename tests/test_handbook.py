"""The pages of the rules, as they are in force."""

from drsquirrel.handbook import RuleBook
from drsquirrel.rules.load import load


def test_checks_come_before_causes_each_in_the_order_of_their_codes() -> None:
    refs = RuleBook(load()).rules()
    assert [(r.kind, r.code) for r in refs] == sorted(
        ((r.kind, r.code) for r in refs), key=lambda r: (r[0] == "cause", r[1])
    )
    assert {r.kind for r in refs} == {"check", "cause"}


def test_every_rule_of_the_list_has_a_page_with_a_title_and_all_sections() -> None:
    book = RuleBook(load())
    for ref in book.rules():
        page = book.rule(ref.code)
        assert page is not None
        assert (page.code, page.kind, page.title) == (ref.code, ref.kind, ref.title)
        assert page.title
        assert all(section.heading and section.text for section in page.sections)


def test_a_page_tells_the_default_of_a_threshold_and_what_the_settings_made_of_it() -> None:
    page = RuleBook(load({"checkpoint-slow": {"warn_share": 0.25}})).rule("checkpoint-slow")
    assert page is not None
    [warn] = [t for t in page.thresholds if t.name == "warn_share"]
    assert (warn.default, warn.value) == (0.5, 0.25)
    assert warn.help


def test_there_is_no_page_of_what_is_no_rule() -> None:
    assert RuleBook(load()).rule("no-such-rule") is None
