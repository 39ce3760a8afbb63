"""The rules as the API and the terminal show them."""

from typing import Literal

from drsquirrel.rules.cause import Cause
from drsquirrel.rules.check import Check
from drsquirrel.rules.load import Rules
from drsquirrel.rules.page import page_of
from drsquirrel.rules.threshold import thresholds_of
from drsquirrel.serve.pages import RulePage, RuleRef, RuleSection, RuleThreshold


class RuleBook:
    """The pages of the rules in force: checks first, then causes, by code."""

    def __init__(self, rules: Rules) -> None:
        checks = [_page(code, "check", rule) for code, rule in sorted(rules.checks.items())]
        causes = [_page(code, "cause", rule) for code, rule in sorted(rules.causes.items())]
        self._pages = {page.code: page for page in (*checks, *causes)}

    def rules(self) -> list[RuleRef]:
        return [RuleRef(code=p.code, kind=p.kind, title=p.title) for p in self._pages.values()]

    def rule(self, code: str) -> RulePage | None:
        return self._pages.get(code)


def _page(code: str, kind: Literal["check", "cause"], rule: Check | Cause) -> RulePage:
    page = page_of(rule)
    return RulePage(
        code=code,
        kind=kind,
        title=rule.topic if isinstance(rule, Check) else page.summary,
        sections=tuple(RuleSection(heading=s.heading, text=s.text) for s in page.sections),
        thresholds=tuple(
            RuleThreshold(name=t.name, default=t.default, value=t.value, unit=t.unit, help=t.help)
            for t in thresholds_of(rule)
        ),
    )
