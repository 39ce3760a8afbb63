"""The committed OpenAPI document."""

import json
from pathlib import Path
from typing import Any

import pytest

from drsquirrel.serve.openapi import document

COMMITTED = Path(__file__).parents[2] / "schema" / "openapi.json"
SCHEMAS: dict[str, Any] = json.loads(document())["components"]["schemas"]


def test_the_committed_document_is_the_one_the_routes_make() -> None:
    assert COMMITTED.read_bytes() == document(), "run python -m drsquirrel.serve.openapi"


def test_a_field_with_a_default_is_always_sent_and_so_required() -> None:
    report = SCHEMAS["Report"]
    assert set(report["required"]) == set(report["properties"])
    assert set(SCHEMAS["CheckResult"]["required"]) == set(SCHEMAS["CheckResult"]["properties"])


def test_a_field_of_a_struct_that_omits_defaults_may_be_absent() -> None:
    assert SCHEMAS["Culprit"]["required"] == []
    assert SCHEMAS["Advice"]["required"] == ["title"]


@pytest.mark.parametrize(
    ("struct", "field", "schema"),
    [
        ("CheckResult", "value", {"oneOf": [{"type": "number"}, {"type": "null"}]}),
        ("CheckResult", "outcome", {"$ref": "#/components/schemas/Outcome"}),
        ("Culprit", "subtasks", {"type": "array", "items": {"type": "integer"}}),
        ("RuleRef", "kind", {"type": "string", "enum": ["check", "cause"]}),
        (
            "Report",
            "facts",
            {
                "type": "array",
                "items": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "string"}]},
            },
        ),
    ],
)
def test_types_are_told_exactly(struct: str, field: str, schema: dict[str, Any]) -> None:
    assert SCHEMAS[struct]["properties"][field] == schema


def test_outcomes_are_an_enumeration() -> None:
    assert SCHEMAS["Outcome"]["enum"] == [
        "pass",
        "warn",
        "fail",
        "no_data",
        "not_applicable",
        "error",
    ]
