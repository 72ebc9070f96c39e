"""What a program that uses OpenAI's Python client sees of Jarvis. Run by run.sh."""

import json
import os
import time
import unittest
import urllib.error
import urllib.request

import openai

URL, KEYED_URL, KEY, STAND_IN_URL = (
    os.environ[name] for name in ("JARVIS_URL", "JARVIS_KEYED_URL", "JARVIS_KEY", "STAND_IN_URL")
)
ASK = [{"role": "user", "content": "Which containers run on this server?"}]
SERVERS = ("openai", "ollama")
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in one city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


def client(url=URL, key="none"):
    """A client that does not try again by itself, so that a test sees the first answer."""
    return openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=30)


def collect(stream):
    """What a stream adds up to: (text, tool calls by index, finish reason, usage, chunks)."""
    text, calls, reason, usage, chunks = "", {}, None, None, []
    for chunk in stream:
        chunks.append(chunk)
        usage = chunk.usage or usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            reason = choice.finish_reason or reason
            for piece in choice.delta.tool_calls or []:
                call = calls.setdefault(piece.index, {"id": "", "name": "", "arguments": ""})
                call["id"] += piece.id or ""
                call["name"] += piece.function.name or ""
                call["arguments"] += piece.function.arguments or ""
    return text, calls, reason, usage, chunks


def upstream_ends(mark):
    """How the requests with `mark` in them ended for the model server: `answered`, `left`, or None while they run."""
    with urllib.request.urlopen(f"{STAND_IN_URL}/log", timeout=5) as response:
        return [entry["end"] for entry in json.load(response) if mark in json.dumps(entry["body"])]


class Models(unittest.TestCase):
    def test_the_list_has_the_agent_and_every_chain(self):
        models = {model.id: model for model in client().models.list()}
        self.assertLessEqual({"jarvis", "openai-ok", "ollama-ok", "falls"}, set(models))
        self.assertEqual({model.object for model in models.values()}, {"model"})


class Answers(unittest.TestCase):
    def test_whole(self):
        for server in SERVERS:
            with self.subTest(server):
                answer = client().chat.completions.create(model=f"{server}-ok", messages=ASK)
                [choice] = answer.choices
                self.assertEqual((answer.object, choice.finish_reason), ("chat.completion", "stop"))
                self.assertEqual(choice.message.role, "assistant")
                self.assertTrue(choice.message.content)
                self.assertGreater(answer.usage.prompt_tokens, 0)
                self.assertEqual(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens)

    def test_streamed_is_the_same_text_as_whole(self):
        for server in SERVERS:
            with self.subTest(server):
                whole = client().chat.completions.create(model=f"{server}-ok", messages=ASK)
                stream = client().chat.completions.create(
                    model=f"{server}-ok", messages=ASK, stream=True, stream_options={"include_usage": True}
                )
                text, calls, reason, usage, chunks = collect(stream)
                self.assertEqual((text, calls, reason), (whole.choices[0].message.content, {}, "stop"))
                self.assertEqual(usage.completion_tokens, whole.usage.completion_tokens)
                self.assertEqual(len({(chunk.id, chunk.created, chunk.model) for chunk in chunks}), 1)
                self.assertEqual(chunks[0].choices[0].delta.role, "assistant")
                self.assertEqual(chunks[-1].choices, [])
                self.assertGreater(len(chunks), 3, "the answer came in one piece")

    def test_without_being_asked_for_usage_every_chunk_has_a_choice(self):
        stream = client().chat.completions.create(model="openai-ok", messages=ASK, stream=True)
        self.assertEqual([len(chunk.choices) for chunk in stream if len(chunk.choices) != 1], [])

    def test_a_chain_falls_to_its_next_target(self):
        answer = client().chat.completions.create(model="falls", messages=ASK)
        expect = client().chat.completions.create(model="openai-ok", messages=ASK)
        self.assertEqual(answer.choices[0].message.content, expect.choices[0].message.content)


class Tools(unittest.TestCase):
    def check_calls(self, calls):
        """Two calls of one turn, told apart by their ids, with whole arguments."""
        self.assertEqual([call["name"] for call in calls], ["get_weather"] * 2)
        self.assertEqual(len({call["id"] for call in calls}), 2)
        arguments = [json.loads(call["arguments"]) for call in calls]
        self.assertEqual([set(each) for each in arguments], [{"city"}] * 2)
        return arguments

    def test_parallel_calls_whole_streamed_and_answered(self):
        for server in SERVERS:
            with self.subTest(server):
                request = {"model": f"{server}-tools", "messages": ASK, "tools": [WEATHER], "parallel_tool_calls": True}
                message = client().chat.completions.create(**request).choices[0]
                self.assertEqual(message.finish_reason, "tool_calls")
                whole = [
                    {"id": call.id, "name": call.function.name, "arguments": call.function.arguments}
                    for call in message.message.tool_calls
                ]
                arguments = self.check_calls(whole)
                _, calls, reason, _, _ = collect(client().chat.completions.create(**request, stream=True))
                self.assertEqual((reason, sorted(calls)), ("tool_calls", [0, 1]))
                self.assertEqual(self.check_calls([calls[index] for index in sorted(calls)]), arguments)
                results = [{"role": "tool", "tool_call_id": call["id"], "content": "12 degrees"} for call in whole]
                request["messages"] = [*ASK, message.message.to_dict(), *results]
                answer = client().chat.completions.create(**request).choices[0]
                self.assertEqual(answer.finish_reason, "stop")
                self.assertTrue(answer.message.content)


class Errors(unittest.TestCase):
    def check(self, kind, status, code, call):
        with self.assertRaises(kind) as raised:
            call()
        error = raised.exception
        self.assertEqual((error.status_code, error.code), (status, code))
        self.assertEqual(set(error.body), {"message", "type", "param", "code"})
        self.assertTrue(error.body["message"])

    def test_unknown_model(self):
        self.check(
            openai.NotFoundError, 404, "model_not_found",
            lambda: client().chat.completions.create(model="no-such-model", messages=ASK),
        )  # fmt: skip

    def test_wrong_and_missing_key(self):
        self.check(
            openai.AuthenticationError, 401, "invalid_api_key",
            lambda: client(KEYED_URL, "jrv_wrong").models.list(),
        )  # fmt: skip
        with self.assertRaises(urllib.error.HTTPError) as raised:
            urllib.request.urlopen(f"{KEYED_URL}/v1/models", timeout=5)
        with raised.exception as refused:
            self.assertEqual(refused.status, 401)
        answer = client(KEYED_URL, KEY).chat.completions.create(model="openai-ok", messages=ASK)
        self.assertTrue(answer.choices[0].message.content)

    def test_malformed_requests(self):
        for body in ({"model": "openai-ok"}, {"model": "openai-ok", "messages": "hello"}, ["no object"]):
            with self.subTest(body=body), self.assertRaises(openai.BadRequestError) as raised:
                client().post("/chat/completions", body=body, cast_to=object)
            self.assertEqual(raised.exception.body["type"], "invalid_request_error")

    def test_a_stream_that_dies_is_an_error_and_not_an_end(self):
        for server in SERVERS:
            with self.subTest(server):
                stream = client().chat.completions.create(model=f"{server}-dies", messages=ASK, stream=True)
                with self.assertRaises(openai.APIError):
                    collect(stream)


class Leaving(unittest.TestCase):
    def test_a_stream_that_is_left_is_left_upstream_and_the_server_goes_on(self):
        ours = client()
        mark = "a question that nobody waits for"
        ask = [{"role": "user", "content": mark}]
        with ours.chat.completions.create(model="slow", messages=ask, stream=True) as stream:
            next(iter(stream))
        # The whole answer would take ten seconds.
        deadline = time.monotonic() + 5
        while (ends := upstream_ends(mark)) != ["left"]:
            self.assertLess(time.monotonic(), deadline, f"upstream saw {ends}")
            time.sleep(0.02)
        answer = ours.chat.completions.create(model="openai-ok", messages=ASK)
        self.assertEqual(answer.choices[0].finish_reason, "stop")


class Agent(unittest.TestCase):
    def test_the_agent_is_a_model_too(self):
        answer = client().chat.completions.create(model="jarvis", messages=[{"role": "user", "content": "help"}])
        self.assertTrue(answer.choices[0].message.content)


if __name__ == "__main__":
    unittest.main()
