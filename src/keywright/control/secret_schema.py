"""How the OpenAPI description tells of a member that is a secret: a text that goes in and never comes out."""

from litestar.openapi.spec import OpenAPIType, Schema
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition

from keywright.core.secret import Secret


class SecretSchema(OpenAPISchemaPlugin):
    """A plugin of Litestar's."""

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        """Whether the member is a secret."""
        return field_definition.annotation is Secret

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: object) -> Schema:
        """The same for each."""
        return Schema(type=OpenAPIType.STRING, write_only=True, min_length=1)
