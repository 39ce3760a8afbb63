"""A job whose every name tries to break the page: markup, bidi overrides, control characters."""

import msgspec

from drsquirrel.model.report import (
    Action,
    Advice,
    Answer,
    Culprit,
    Data,
    Evidence,
    EvidenceRow,
    JobRef,
    LastHour,
    Node,
    Report,
    Source,
    Symptom,
    quoted,
)
from drsquirrel.model.verdict import Confidence, Outcome, Stand, Verdict
from drsquirrel.model.yarn import YarnContainer, YarnFacts
from tests.show.page.building import FROM_MS, MADE_MS, cells, check, run, strip

NAMES = (
    "<script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    '"><svg onload=window.pwned=1>',
    "javascript:window.pwned=1",
    "{{constructor.constructor('window.pwned=1')()}}",
    "safe\u202egnp.exe\u202c",
    "a\u0000b\u001b[31mred\u200bwidth",
    "line\u2028break\nand tab\t",
    "`code` ``more``",
    "</title><style>*{display:none}</style>",
    "x" * 400,
    "ما الجديد",
    "../../api/v1/jobs?x=%00#y",
)


CULPRIT = Culprit(vertex=NAMES[0], operator=NAMES[5], container=NAMES[6], host=NAMES[1])

ANSWER = Answer(
    code="hot-key",
    question="why does this vertex limit the job?",
    title=f"One key of {quoted(NAMES[0])} is hot",
    confidence=Confidence.LIKELY,
    culprit=CULPRIT,
    onset=None,
    evidence=tuple(
        Evidence(stand=Stand.FOR, group="g", text=quoted(name), value=name) for name in NAMES
    ),
    advice=tuple(
        Advice(title=name, key=name, now=name, to=name, because=name, expect=name) for name in NAMES
    ),
    will_not_help=NAMES,
    leads_to=NAMES,
    rivals=NAMES,
)


def yarn(everything: str) -> YarnFacts:
    """An application and its containers."""
    return YarnFacts(
        application=NAMES[0],
        user=NAMES[1],
        queue=NAMES[5],
        state=NAMES[6],
        final_status=NAMES[7],
        ended_ms=MADE_MS,
        diagnostics=everything,
        says=everything,
        containers=tuple(
            YarnContainer(id=name, node=name, state=name, said_by=name) for name in NAMES
        ),
        taken_ms=MADE_MS,
    )


def hostile() -> Report:
    """Names from data in every place that shows one."""
    everything = " ".join(quoted(name) for name in NAMES)
    return Report(
        made_ms=MADE_MS,
        job=JobRef(id="hostile", cluster=NAMES[1], name=NAMES[0] + NAMES[5] + NAMES[10]),
        run=msgspec.structs.replace(run(9), id="run-9", state=NAMES[6], flink_version=NAMES[7]),
        verdict=Verdict.FAILING,
        headline=everything,
        subline=everything,
        since_ms=MADE_MS - 3_600_000,
        causes=[ANSWER, ANSWER],
        symptoms=[Symptom(code=name, text=quoted(name), onset=None) for name in NAMES],
        checks=[
            check(
                "record-skew-high",
                Outcome.FAIL,
                shown=name,
                threshold=name,
                says=name,
                evidence=(EvidenceRow(name=name, value=name, note=name),),
                why=name,
                fix=name,
                ignore_when=name,
            )
            for name in NAMES
        ],
        hour=LastHour(
            from_ms=FROM_MS,
            strips=tuple(
                strip("backpressure", name, cells(("h", 60)), name, culprit=True) for name in NAMES
            ),
            sentence=everything,
        ),
        graph=[
            Node(
                id=name,
                name=name,
                operators=(name,),
                inputs=NAMES[:i][-1:],
                parallelism=1,
                busy=None,
                backpressured=None,
                records_per_s=None,
                says=name,
                culprit=i == 3,
            )
            for i, name in enumerate(NAMES)
        ],
        data=Data(
            age_ms=0,
            observed_minutes=60,
            sources=tuple(Source(name=name, state="late", age_ms=0, says=name) for name in NAMES),
            gaps=NAMES,
        ),
        yarn=yarn(everything),
        actions=[
            Action(time_ms=MADE_MS, what=name, container=name, took_ms=1, result=name)
            for name in NAMES
        ],
        facts=[(name, quoted(name)) for name in NAMES],
    )
