"""The codes of field errors, one vocabulary for every interface, and pydantic's errors in it.

A code names the kind of fault; the pointer names the field. `docs/partner-api.md` lists the codes, and a test checks this.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from app.core.errors import FieldError

FAULT_CODES: Final[Mapping[str, str]] = {
    "required": "It is missing.",
    "unknown_field": "The object has a field that is not known.",
    "unknown_parameter": "The query has a parameter that is not known.",
    "repeated": "It is given twice.",
    "not_taken": "It does not belong to this action.",
    "unknown_code": "It is not one of the values; `detail` names them, or the list that has them.",
    "not_an_object": "It is to be a JSON object.",
    "not_a_list": "It is to be a list.",
    "not_a_string": "It is to be a string.",
    "not_a_boolean": "It is to be true or false.",
    "not_an_integer": "It is to be a whole number.",
    "not_a_day": "It is to be an ISO day.",
    "not_an_instant": "It is to be an instant of RFC 3339.",
    "not_an_id": "It is to be a UUID.",
    "not_bytes": "It is to be base64url of so many bytes.",
    "not_a_hash": "It is to be a hash of 32 bytes in base64url.",
    "not_a_distance": "It is to be a distance in metres.",
    "not_an_email": "It is to be an e-mail address.",
    "not_a_number": "It is to be a phone number.",
    "not_a_user_name": "It is to be a user name.",
    "not_public_https": "It is to be an https address with a public name.",
    "look_alike": "Letters of two alphabets that look alike are mixed.",
    "wrong_format": "It does not have the form that the description gives.",
    "control_characters": "It has characters that cannot be stored.",
    "too_long": "The text is too long.",
    "too_many": "The list has too many entries.",
    "too_few": "The list has too few entries.",
    "out_of_range": "The number or day is outside of what is taken.",
    "in_the_future": "The day is still to come.",
    "too_long_ago": "The day is too long ago.",
    "not_in_country": "The region is in another country.",
    "address_required": "The channel needs an address.",
    "nowhere_to_notify": "A notice needs an address.",
    "allowed_and_excluded": "An organisation is both allowed and excluded.",
    "named_but_ask_first": "Organisations are named, though each is to be asked about first.",
    "does_not_fit": "It does not fit the description in another way.",
}
"""The codes of the API's field errors, and what each says of the field."""

_DAY: Final = ("not_a_day", "Write the day as YYYY-MM-DD.")
_INTEGER: Final = ("not_an_integer", "Use a whole number.")
_OBJECT: Final = ("not_an_object", "Use a JSON object.")
_LIST: Final = ("not_a_list", "Use a list.")
_STRING: Final = ("not_a_string", "Use a string.")
_BOOLEAN: Final = ("not_a_boolean", "Use true or false.")
_ID: Final = ("not_an_id", "Use a UUID.")
_OTHER: Final = ("does_not_fit", "This value does not fit; see the API description.")
_BY_TYPE: Final[Mapping[str, tuple[str, str]]] = {
    "missing": ("required", "This is required."),
    "extra_forbidden": ("unknown_field", "There is no such field."),
    "string_too_long": ("too_long", "This is too long: at most {max_length} characters."),
    "string_too_short": ("wrong_format", "This is too short: at least {min_length} characters."),
    "too_long": ("too_many", "This has too many entries: at most {max_length}."),
    "too_short": ("too_few", "Choose at least {min_length}."),
    "string_pattern_mismatch": ("wrong_format", "This does not have the right format: {pattern}"),
    "literal_error": ("unknown_code", "One of: {expected}."),
    "enum": ("unknown_code", "One of: {expected}."),
    "greater_than_equal": ("out_of_range", "Use at least {ge}."),
    "less_than_equal": ("out_of_range", "Use at most {le}."),
    "date_type": _DAY, "date_parsing": _DAY, "date_from_datetime_parsing": _DAY, "date_from_datetime_inexact": _DAY,
    "int_type": _INTEGER, "int_parsing": _INTEGER, "int_from_float": _INTEGER, "int_parsing_size": _INTEGER,
    "bool_type": _BOOLEAN, "bool_parsing": _BOOLEAN,
    "string_type": _STRING,
    "list_type": _LIST, "tuple_type": _LIST,
    "model_type": _OBJECT, "dict_type": _OBJECT, "model_attributes_type": _OBJECT,
    "uuid_type": _ID, "uuid_parsing": _ID,
}  # fmt: skip


def field_error(entry: Mapping[str, Any], *, base: str = "") -> FieldError:
    """One of pydantic's errors in our vocabulary. `base`: the pointer to what was validated.

    An error that one of our validators raised (`PydanticCustomError`) keeps its code and sentence. Neither the value nor the name
    of an unknown field is repeated: such an error points to the object that has it.
    """
    kind, context = entry["type"], dict(entry.get("ctx") or {})
    if (
        kind == "too_long" and context.get("field_type") == "Value"
    ):  # a text whose length is looked at after other checks
        kind = "string_too_long"
    if kind in FAULT_CODES and kind not in _BY_TYPE:
        code, detail = kind, entry["msg"]
    else:
        code, detail = _BY_TYPE.get(kind, _OTHER)
        if "expected" in context:
            context["expected"] = ", ".join(re.findall(r"'([^']*)'", str(context["expected"])))
        detail = detail.format_map(context)
    steps = [step for step in entry["loc"] if not str(step).startswith("function-")]
    if kind == "extra_forbidden":
        steps = steps[:-1]
    pointer = base + "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)
    return FieldError(pointer=pointer, code=code, detail=detail)
