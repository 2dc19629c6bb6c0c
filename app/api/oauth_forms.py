"""The forms of the OAuth endpoints for the OpenAPI document. `oauth` reads them itself: its errors are those of RFC 6749."""

from typing import Any, Final


def _form(required: list[str], **fields: Any) -> dict[str, Any]:
    properties = {
        **fields,
        "client_id": {"type": "string", "maxLength": 64, "description": "Only without Basic authentication."},
        "client_secret": {"type": "string", "maxLength": 256, "description": "Only without Basic authentication."},
        "client_assertion_type": {
            "type": "string",
            "const": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "description": "With client_assertion.",
        },
        "client_assertion": {
            "type": "string",
            "maxLength": 4096,
            "description": "RFC 7523: a JWT signed with your registered key (EdDSA or ES256); `iss` and `sub` are your "
            "client id, `aud` our issuer, `exp` at most 5 minutes ahead, `jti` used once.",
        },
    }
    schema = {"type": "object", "required": required, "properties": properties}
    content = {"application/x-www-form-urlencoded": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}, "security": [{"clientSecretBasic": []}, {}]}


TOKEN: Final = _form(
    ["grant_type"],
    grant_type={"type": "string", "const": "client_credentials"},
    scope={"type": "string", "description": "Scopes separated by spaces; without it, all that the client was given."},
)
REVOCATION: Final = _form(["token"], token={"type": "string"}, token_type_hint={"type": "string"})
