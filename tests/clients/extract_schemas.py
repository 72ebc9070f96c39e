"""Makes openai-schemas.json out of OpenAI's own API document.

    python3 tests/clients/extract_schemas.py PATH/openapi.json

The document is https://github.com/openai/openai-openapi (MIT), as JSON. Kept is what the answers of Jarvis are held
against: the schemas below and all that they name, without descriptions and examples. `nullable`, which means nothing in
the document's own version of OpenAPI, is written as what it is meant to be. Nothing else is changed, so that what does
not fit is Jarvis' mistake or named as a known difference in schemas.py.
"""

import json
import pathlib
import sys

ROOTS = (
    "CreateChatCompletionResponse",
    "CreateChatCompletionStreamResponse",
    "CreateCompletionResponse",
    "CreateEmbeddingResponse",
    "CreateTranscriptionResponseJson",
    "CreateTranscriptionResponseVerboseJson",
    "ErrorResponse",
    "ImagesResponse",
    "ListModelsResponse",
    "Model",
    "Response",
    "ResponseItemList",
    "ResponseStreamEvent",
)
PROSE = ("description", "example", "examples", "title", "deprecated", "optional")
PREFIX = "#/components/schemas/"
NOTICE = (
    "Taken from the API document of https://github.com/openai/openai-openapi, Copyright (c) OpenAI, under the MIT "
    "licence: permission is hereby granted, free of charge, to any person obtaining a copy of this software and "
    "associated documentation files, to deal in the software without restriction, including without limitation the "
    "rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies, and to permit persons to "
    "whom it is furnished to do so, subject to the condition that this notice is included in all copies or substantial "
    "portions. The software is provided \"as is\", without warranty of any kind."
)


def without_prose(schema, names_follow=False):
    """`names_follow`: the keys are names of fields, of which one may be called `description`."""
    if isinstance(schema, list):
        return [without_prose(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        key: without_prose(value, key == "properties" and not names_follow)
        for key, value in schema.items()
        if names_follow or not (key in PROSE or key.startswith("x-"))
    }
    if not names_follow and kept.pop("nullable", False) is True:
        return {"anyOf": [kept, {"type": "null"}]}
    return kept


def named(schema):
    """The names of the schemas that `schema` refers to."""
    if isinstance(schema, list):
        for each in schema:
            yield from named(each)
    elif isinstance(schema, dict):
        reference = schema.get("$ref")
        if isinstance(reference, str) and reference.startswith(PREFIX):
            yield reference.removeprefix(PREFIX)
        for value in schema.values():
            yield from named(value)


def main(path):
    document = json.loads(pathlib.Path(path).read_text())
    schemas = document["components"]["schemas"]
    wanted, kept = list(ROOTS), {}
    while wanted:
        name = wanted.pop()
        if name not in kept:
            kept[name] = without_prose(schemas[name])
            wanted.extend(named(kept[name]))
    made = {
        "notice": NOTICE,
        "version": document["info"]["version"],
        "components": {"schemas": dict(sorted(kept.items()))},
    }
    target = pathlib.Path(__file__).with_name("openai-schemas.json")
    target.write_text(json.dumps(made, separators=(",", ":"), sort_keys=False) + "\n")
    print(f"{target.name}: {len(kept)} schemas, {target.stat().st_size} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
