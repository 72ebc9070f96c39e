"""Every kind of answer of Jarvis, and every chunk of its streams, against OpenAI's own document. Run by run.sh.

The chains are those of chains.py: `check-cloud-die-60-40` is an OpenAI-compatible server that dies in the middle,
`check-gpu-die-60-40` an Ollama that does.
"""

import base64
import http.client
import json
import os
import unittest
import urllib.parse

import schemas
from chains import BROKEN, KINDS, PLAYS, REFUSED, WHOLE

URL, KEYED_URL = (urllib.parse.urlsplit(os.environ[name]).netloc for name in ("JARVIS_URL", "JARVIS_KEYED_URL"))
ASK = [{"role": "user", "content": "Which containers run on this server?"}]
WEATHER = {
    "name": "get_weather",
    "description": "The weather in one city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
TOOLS = [{"type": "function", "function": WEATHER}]


def send(path, body=None, *, method="POST", host=URL, headers=()):
    """The answer's status, type of content and bytes."""
    connection = http.client.HTTPConnection(host, timeout=60)
    try:
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        connection.request(method, path, data, {"content-type": "application/json", **dict(headers)})
        answer = connection.getresponse()
        return answer.status, answer.headers.get("content-type", ""), answer.read()
    finally:
        connection.close()


def multipart(fields, file):
    head = "--x\r\ncontent-disposition: form-data; name="
    parts = [f'{head}"{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
    parts.append(f'{head}"file"; filename="a.wav"\r\ncontent-type: audio/wav\r\n\r\n')
    return "".join(parts).encode() + file + b"\r\n--x--\r\n"


def blocks(data):
    """The (event, data) of every event of a stream; comments are left out."""
    for block in data.decode().replace("\r\n", "\n").split("\n\n"):
        fields = [line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":")]
        named = dict(fields)
        if named:
            yield named.get("event"), named["data"]


class Checked(unittest.TestCase):
    maxDiff = None

    def fits(self, name, value):
        self.assertEqual(schemas.problems(name, value), [], json.dumps(value)[:2000])

    def refused(self, status, data):
        """An error of ours has all four keys, always."""
        self.assertGreaterEqual(status, 400)
        error = json.loads(data)
        self.fits("ErrorResponse", error)
        self.assertEqual(set(error["error"]), {"message", "type", "param", "code"})


class Chat(Checked):
    def test_every_answer(self):
        for kind in KINDS:
            for play, outcome in PLAYS.items():
                for asks in ({}, {"tools": TOOLS, "reasoning_effort": "high"}):
                    with self.subTest(kind=kind, play=play, asks=list(asks)):
                        self.whole(f"check-{kind}-{play}", outcome, asks)

    def whole(self, model, outcome, asks):
        status, _, data = send("/v1/chat/completions", {"model": model, "messages": ASK, **asks})
        if outcome != WHOLE:
            return self.refused(status, data)
        self.assertEqual(status, 200, data)
        self.fits("CreateChatCompletionResponse", json.loads(data))

    def test_every_chunk(self):
        for kind in KINDS:
            for play, outcome in PLAYS.items():
                for usage in (False, True):
                    with self.subTest(kind=kind, play=play, usage=usage):
                        self.streamed(f"check-{kind}-{play}", outcome, usage)

    def streamed(self, model, outcome, usage):
        asks = {"model": model, "messages": ASK, "stream": True, "tools": TOOLS}
        if usage:
            asks["stream_options"] = {"include_usage": True}
        status, kind, data = send("/v1/chat/completions", asks)
        if outcome == REFUSED:
            return self.refused(status, data)
        self.assertEqual((status, kind.split(";")[0]), (200, "text/event-stream"), data)
        *events, (name, last) = blocks(data)
        self.assertEqual((name, last), (None, "[DONE]"))
        chunks = [json.loads(data) for _, data in events]
        for chunk in chunks:
            self.fits("CreateChatCompletionStreamResponse", chunk)
        self.assertEqual(len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks}), 1)
        choices = [choice for chunk in chunks for choice in chunk["choices"]]
        finishes = [choice["finish_reason"] for choice in choices if choice["finish_reason"]]
        errors = [chunk for chunk in chunks if "error" in chunk]
        if outcome == BROKEN:
            self.assertEqual((finishes, len(errors), "error" in chunks[-1]), ([], 1, True))
            self.fits("ErrorResponse", {"error": errors[0]["error"]})
            return None
        self.assertEqual((len(finishes), errors), (1, []))
        self.assertEqual(choices[0]["delta"].get("role"), "assistant")
        self.assertTrue(all(chunk["choices"] for chunk in chunks[:-1]))
        if usage:
            self.assertEqual(chunks[-1]["choices"], [])
            self.assertGreater(chunks[-1]["usage"]["total_tokens"], 0)
            self.assertEqual({chunk.get("usage", 0) for chunk in chunks[:-1]}, {None})
        return None

    def test_the_agent(self):
        for stream in (False, True):
            status, _, data = send("/v1/chat/completions", {"model": "jarvis", "messages": ASK, "stream": stream})
            self.assertEqual(status, 200)
            if not stream:
                self.fits("CreateChatCompletionResponse", json.loads(data))
                continue
            for _, chunk in list(blocks(data))[:-1]:
                self.fits("CreateChatCompletionStreamResponse", json.loads(chunk))


class Completions(Checked):
    def test_every_answer(self):
        for kind in KINDS:
            for play, outcome in PLAYS.items():
                with self.subTest(kind=kind, play=play):
                    asks = {"model": f"check-{kind}-{play}", "prompt": "Say hello."}
                    status, _, data = send("/v1/completions", asks)
                    if outcome != WHOLE:
                        self.refused(status, data)
                        continue
                    self.assertEqual(status, 200, data)
                    self.fits("CreateCompletionResponse", json.loads(data))

    def test_every_chunk(self):
        for kind in KINDS:
            for play, outcome in PLAYS.items():
                for usage in (False, True):
                    with self.subTest(kind=kind, play=play, usage=usage):
                        self.streamed(f"check-{kind}-{play}", outcome, usage)

    def streamed(self, model, outcome, usage):
        asks = {"model": model, "prompt": ["Say hello."], "stream": True}
        if usage:
            asks["stream_options"] = {"include_usage": True}
        status, kind, data = send("/v1/completions", asks)
        if outcome == REFUSED:
            return self.refused(status, data)
        self.assertEqual((status, kind.split(";")[0]), (200, "text/event-stream"), data)
        *events, (name, last) = blocks(data)
        self.assertEqual((name, last), (None, "[DONE]"))
        chunks = [json.loads(data) for _, data in events]
        self.assertEqual(len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks}), 1)
        finishes = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"]]
        errors = [chunk for chunk in chunks if "error" in chunk]
        usages = [chunk.get("usage", 0) for chunk in chunks]
        for chunk in chunks:
            # The document has one schema for whole answers and for chunks, and leaves out what its own description of
            # `stream_options` and its servers say: both are null until the end.
            for choice in chunk["choices"]:
                choice["finish_reason"] = choice["finish_reason"] or "stop"
            if chunk.get("usage", 0) is None:
                del chunk["usage"]
            self.fits("CreateCompletionResponse", chunk)
        if outcome == BROKEN:
            self.assertEqual((set(finishes), len(errors), "error" in chunks[-1]), ({None}, 1, True))
            self.fits("ErrorResponse", {"error": errors[0]["error"]})
            return None
        self.assertEqual((set(finishes[:-1]) <= {None}, finishes[-1] is None, errors), (True, False, []))
        if usage:
            self.assertEqual((chunks[-1]["choices"], set(usages[:-1])), ([], {None}))
            self.assertGreater(usages[-1]["total_tokens"], 0)
        else:
            self.assertEqual(set(usages), {0})
        return None


class Responses(Checked):
    ENDS = {"response.completed", "response.incomplete", "response.failed"}

    def test_every_answer(self):
        for kind in KINDS:
            for play, outcome in PLAYS.items():
                with self.subTest(kind=kind, play=play):
                    asks = {"model": f"check-{kind}-{play}", "input": ASK[0]["content"]}
                    status, _, data = send("/v1/responses", asks)
                    if outcome != WHOLE:
                        self.refused(status, data)
                        continue
                    self.assertEqual(status, 200, data)
                    self.fits("Response", json.loads(data))

    def test_every_event(self):
        for kind in KINDS:
            for play, outcome in PLAYS.items():
                with self.subTest(kind=kind, play=play):
                    self.streamed(f"check-{kind}-{play}", outcome)

    def streamed(self, model, outcome):
        tools = [{"type": "function", "strict": False, **WEATHER}]
        asks = {"model": model, "input": ASK, "stream": True, "tools": tools, "reasoning": {"effort": "high"}}
        status, kind, data = send("/v1/responses", asks)
        if outcome == REFUSED:
            return self.refused(status, data)
        self.assertEqual((status, kind.split(";")[0]), (200, "text/event-stream"), data)
        named = [(name, json.loads(data)) for name, data in blocks(data)]
        events = [event for _, event in named]
        self.assertEqual([name for name, _ in named], [event["type"] for event in events])
        for event in events:
            self.assertEqual(schemas.event_problems(event), [], json.dumps(event)[:2000])
        numbers = [event["sequence_number"] for event in events]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
        self.assertEqual(events[0]["type"], "response.created")
        ends = [event["type"] for event in events if event["type"] in self.ENDS]
        self.assertEqual(ends, [events[-1]["type"]])
        self.assertEqual(ends[0] == "response.failed", outcome == BROKEN, events[-1])
        return None


class Models(Checked):
    def test_models(self):
        status, _, data = send("/v1/models", method="GET")
        self.assertEqual(status, 200)
        models = json.loads(data)
        self.fits("ListModelsResponse", models)
        for model in models["data"]:
            status, _, data = send(f"/v1/models/{urllib.parse.quote(model['id'])}", method="GET")
            self.assertEqual((status, json.loads(data)), (200, model))


class Jobs(Checked):
    def test_vectors(self):
        for kind in KINDS:
            for asks in ({"input": "a"}, {"input": ["a", "b"]}, {"input": ["a"], "encoding_format": "base64"}):
                with self.subTest(kind=kind, asks=asks):
                    status, _, data = send("/v1/embeddings", {"model": f"check-{kind}-embed", **asks})
                    self.assertEqual(status, 200, data)
                    answer = json.loads(data)
                    for vector in answer["data"]:
                        if asks.get("encoding_format") == "base64":
                            # The document knows numbers only, and OpenAI's own clients ask for this.
                            self.assertGreater(len(base64.b64decode(vector["embedding"])), 0)
                            vector["embedding"] = [0.0]
                    self.fits("CreateEmbeddingResponse", answer)

    def test_images(self):
        status, _, data = send("/v1/images/generations", {"model": "check-cloud-ok", "prompt": "a house"})
        self.assertEqual(status, 200, data)
        self.fits("ImagesResponse", json.loads(data))

    def test_transcripts(self):
        for form, schema in (("json", "Json"), ("verbose_json", "VerboseJson")):
            with self.subTest(form):
                body = multipart({"model": "check-cloud-ok", "response_format": form}, b"RIFF\0\0\0\0WAVE")
                kind = {"content-type": "multipart/form-data; boundary=x"}
                status, _, data = send("/v1/audio/transcriptions", body, headers=kind)
                self.assertEqual(status, 200, data)
                self.fits(f"CreateTranscriptionResponse{schema}", json.loads(data))


class Errors(Checked):
    def test_requests_that_are_wrong(self):
        chat = "/v1/chat/completions"
        wrong = [
            (chat, b"{"), (chat, b"[]"), (chat, {}), (chat, {"model": "check-gpu-ok"}), (chat, b""),
            (chat, {"model": "no-such-model", "messages": ASK}),
            (chat, {"model": "check-gpu-ok", "messages": "hello"}),
            (chat, {"model": "check-gpu-ok", "messages": ASK, "n": 2}),
            (chat, {"model": "check-gpu-ok", "messages": [{"role": "robot", "content": "x"}]}),
            (chat, {"model": "check-gpu-ok", "messages": ASK, "tools": [{"type": "function"}]}),
            (chat, {"model": "check-gpu-ok", "messages": ASK, "stream": "yes"}),
            (chat, {"model": "jarvis", "messages": ASK, "tools": TOOLS}),
            (chat, b" " * (11 * 1024 * 1024)),
            # In a field that nobody looks at, and that would be sent on.
            (chat, b'{"model":"check-cloud-ok","messages":[{"role":"user","content":"x"}],"x":"\xff"}'),
            ("/v1/embeddings", {}), ("/v1/embeddings", {"model": "no-such-model", "input": "a"}),
            ("/v1/images/generations", {}), ("/v1/audio/speech", {}), ("/v1/audio/transcriptions", {}),
            ("/v1/completions", {}), ("/v1/responses", {}), ("/v1/nothing", {}), ("/v1", {}),
        ]  # fmt: skip
        for path, body in wrong:
            with self.subTest(path=path, body=str(body)[-80:]):
                status, _, data = send(path, body)
                self.refused(status, data)
                self.assertLess(status, 500)

    def test_methods_keys_and_names(self):
        for method, path, host, headers, status in (
            ("DELETE", "/v1/chat/completions", URL, {}, 405),
            ("GET", "/v1/chat/completions", URL, {}, 405),
            ("GET", "/v1/models/no-such-model", URL, {}, 404),
            ("GET", "/v1/models", KEYED_URL, {}, 401),
            ("GET", "/v1/models", KEYED_URL, {"authorization": "Bearer wrong"}, 401),
        ):
            with self.subTest(method=method, path=path, status=status):
                seen, _, data = send(path, method=method, host=host, headers=headers)
                self.assertEqual(seen, status)
                self.refused(seen, data)


if __name__ == "__main__":
    unittest.main()
