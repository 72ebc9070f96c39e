"""A server of the Model Context Protocol with one tool, which acts: it adds a line to the file COUNTER_FILE."""

import json
import os
import sys

TOOL = {
    "name": "add",
    "description": "Writes a number down.",
    "inputSchema": {
        "type": "object",
        "properties": {"n": {"type": "string"}},
        "required": ["n"],
        "additionalProperties": False,
    },
}


def answer(request):
    match request["method"]:
        case "initialize":
            return {
                "protocolVersion": request["params"]["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "counter", "version": "1"},
            }
        case "tools/list":
            return {"tools": [TOOL]}
        case "tools/call":
            with open(os.environ["COUNTER_FILE"], "a", encoding="ascii") as file:
                file.write(request["params"]["arguments"]["n"] + "\n")
            return {"content": [{"type": "text", "text": "written down"}]}
        case _:
            return {}


for line in sys.stdin:
    request = json.loads(line)
    if "id" in request:
        print(json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": answer(request)}), flush=True)
