"""Holds answers against OpenAI's own API document (openai-schemas.json, made by extract_schemas.py)."""

import functools
import json
import pathlib

import jsonschema

DOCUMENT = json.loads(pathlib.Path(__file__).with_name("openai-schemas.json").read_text())
SCHEMAS = DOCUMENT["components"]["schemas"]
# Fields that OpenAI's document does not have: other servers and clients agree on the first three, OpenAI's own servers
# send `task` with a transcript and `store` with a response, and the last is the stand-in's, by which it is seen that unknown fields survive.
EXTENSIONS = {"reasoning", "reasoning_content", "error", "task", "store", "x_new"}


@functools.cache
def validator(name):
    return jsonschema.Draft202012Validator({"$ref": f"#/components/schemas/{name}", **DOCUMENT})


def problems(name, value):
    """What is wrong with `value` as the schema `name`, one line each."""
    errors = sorted(validator(name).iter_errors(value), key=lambda error: error.json_path)
    found = [f"{name} {error.json_path}: {error.message[:300]}" for error in errors]
    return found + unknown(name, value)


def unknown(name, value, at="$"):
    """Fields that the schema does not name, where it names its fields one by one."""
    found, fields = [], {}
    if not isinstance(value, dict) or not collect(SCHEMAS[name], fields):
        return found
    for key, inner in value.items():
        if key not in fields and key not in EXTENSIONS:
            found.append(f"{name} {at}.{key}: OpenAI's document has no such field")
    return found


def collect(schema, fields):
    """Gathers the fields of `schema`; False where anything goes or one of several is meant."""
    if "$ref" in schema:
        return collect(SCHEMAS[schema["$ref"].rpartition("/")[2]], fields)
    if "anyOf" in schema or "oneOf" in schema or schema.get("additionalProperties"):
        return False
    fields.update(schema.get("properties", {}))
    return all(collect(each, fields) for each in schema.get("allOf", []))


@functools.cache
def events():
    """The schema of every event of a streamed response, by its type."""
    names = [each["$ref"].rpartition("/")[2] for each in SCHEMAS["ResponseStreamEvent"]["anyOf"]]
    return {SCHEMAS[name]["properties"]["type"]["enum"][0]: name for name in names}


def event_problems(event):
    name = events().get(event.get("type"))
    return problems(name, event) if name else [f"there is no event {event.get('type')!r}"]
