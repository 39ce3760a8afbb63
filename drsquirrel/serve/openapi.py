"""Writes schema/openapi.json: the API as OpenAPI 3.1, made from the routes and their structs.

Run as `python -m drsquirrel.serve.openapi [FILE]`; a test compares the committed file with it.
"""

import inspect
import json
import sys
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
from litestar import Litestar
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import License, Schema
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition

from drsquirrel.serve.api import ROUTES

FILE = Path("schema/openapi.json")


class ExactStructs(OpenAPISchemaPlugin):
    """Structs as they are written: a field may be absent only where its struct omits defaults.

    Litestar's own plugin describes what is read: every field with a default would be optional.
    """

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        return not field_definition.is_union and field_definition.is_subclass_of(msgspec.Struct)

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:
        struct: type[msgspec.Struct] = field_definition.annotation
        hints = get_type_hints(struct, include_extras=True)
        omits = struct.__struct_config__.omit_defaults
        fields = msgspec.structs.fields(struct)
        made: Schema = schema_creator.create_component_schema(
            field_definition,
            required=[f.encode_name for f in fields if f.required or not omits],
            property_fields={
                f.encode_name: FieldDefinition.from_annotation(hints[f.name], name=f.encode_name)
                for f in fields
            },
        )
        made.description = struct.__doc__
        return made


def document() -> bytes:
    """The document, the same bytes for the same routes and structs."""
    app = Litestar(
        ROUTES,
        dependencies={  # named, never called: the document is made from types alone
            "pages": Provide(lambda: None, sync_to_thread=False),
            "handbook": Provide(lambda: None, sync_to_thread=False),
        },
        openapi_config=OpenAPIConfig(
            title="Dr. Squirrel for Apache Flink",
            version="1",
            description="Reports on the health of Flink jobs. Times are milliseconds since the "
            "epoch, shares are 0 to 1, and what is not known is null.",
            license=License(name="Apache-2.0", identifier="Apache-2.0"),
        ),
        plugins=[ExactStructs()],
        logging_config=None,
    )
    spec = app.openapi_schema
    for schema in (spec.components.schemas or {}).values():
        schema.description = inspect.cleandoc(schema.description or "")
    made = spec.to_schema()
    return (json.dumps(made, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


if __name__ == "__main__":
    (Path(sys.argv[1]) if len(sys.argv) > 1 else FILE).write_bytes(document())
