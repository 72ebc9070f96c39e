"""What a program sees of Jarvis when a real inference server answers behind it. Run by run.sh.

The chat model is tiny: its words mean nothing, but it streams, counts, stops, calls tools and follows a grammar.
"""

import json
import math
import os
import unittest
from concurrent.futures import ThreadPoolExecutor

import openai

URL = os.environ["JARVIS_URL"]
ASK = [{"role": "user", "content": "Hello, how is the server today?"}]
RESTART = {
    "type": "function",
    "function": {
        "name": "restart_service",
        "description": "Restarts one service.",
        "parameters": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
    },
}
STATUS = {
    "type": "function",
    "function": {
        "name": "status",
        "description": "Tells how the server is.",
        "parameters": {"type": "object", "properties": {}},
    },
}


def client():
    return openai.OpenAI(base_url=f"{URL}/v1", api_key="none", max_retries=0, timeout=60)


def ask(**more):
    given = {"model": "jarvis-chat", "messages": ASK, "max_tokens": 200, "seed": 7}
    return client().chat.completions.create(**{**given, **more})


class Chat(unittest.TestCase):
    def test_whole_and_streamed_are_the_same_answer(self):
        whole = ask(temperature=0)
        [choice] = whole.choices
        self.assertEqual(choice.finish_reason, "stop")
        self.assertTrue(choice.message.content)
        self.assertGreater(whole.usage.completion_tokens, 0)
        chunks = list(ask(temperature=0, stream=True, stream_options={"include_usage": True}))
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        self.assertEqual(text, choice.message.content)
        self.assertEqual(chunks[-1].usage.completion_tokens, whole.usage.completion_tokens)
        self.assertEqual(len({chunk.id for chunk in chunks}), 1)
        # This server's own clock goes on in the middle of a stream.
        self.assertEqual(len({chunk.created for chunk in chunks}), 1)
        ends = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
        self.assertEqual([reason for reason in ends if reason], ["stop"])

    def test_the_length_limit_ends_an_answer(self):
        answer = ask(max_tokens=3)
        self.assertEqual(answer.choices[0].finish_reason, "length")
        self.assertLessEqual(answer.usage.completion_tokens, 3)

    def test_fields_that_only_this_server_knows_arrive(self):
        answer = ask(logprobs=True, top_logprobs=2, extra_body={"min_p": 0.05, "timings_per_token": True})
        self.assertEqual(len(answer.choices[0].logprobs.content[0].top_logprobs), 2)

    def test_json_by_a_schema(self):
        schema = {
            "type": "object",
            "properties": {"ok": {"type": "boolean"}, "count": {"type": "integer"}},
            "required": ["ok", "count"],
            "additionalProperties": False,
        }
        shape = {"type": "json_schema", "json_schema": {"name": "state", "schema": schema, "strict": True}}
        for stream in (False, True):
            with self.subTest(stream=stream):
                answer = ask(response_format=shape, stream=stream, temperature=0)
                if stream:
                    text = "".join(chunk.choices[0].delta.content or "" for chunk in answer if chunk.choices)
                else:
                    text = answer.choices[0].message.content
                self.assertEqual(set(json.loads(text)), {"ok", "count"})

    def test_a_tool_is_called_and_its_result_answered(self):
        for stream in (False, True):
            with self.subTest(stream=stream):
                call = self.called(tools=[STATUS], tool_choice="required", stream=stream)
                self.assertEqual(call["name"], "status")
                json.loads(call["arguments"])
                asked = {"id": call["id"], "type": "function", "function": {key: call[key] for key in ("name", "arguments")}}
                history = [
                    *ASK,
                    {"role": "assistant", "content": None, "tool_calls": [asked]},
                    {"role": "tool", "tool_call_id": call["id"], "content": "all is well"},
                ]
                answer = ask(messages=history, tools=[STATUS])
                self.assertTrue(answer.choices[0].message.content)

    def test_a_named_tool_is_the_one_that_is_called(self):
        # This server picks any tool whatever is named.
        for seed in range(6):
            named = {"type": "function", "function": {"name": "status"}}
            call = self.called(tools=[RESTART, STATUS], tool_choice=named, seed=seed)
            self.assertEqual(call["name"], "status")

    def test_a_call_that_the_length_limit_cut_is_not_handed_on(self):
        answer = ask(tools=[RESTART], tool_choice="required", max_tokens=6)
        for call in answer.choices[0].message.tool_calls or []:
            json.loads(call.function.arguments)

    def called(self, stream=False, **more):
        answer = ask(stream=stream, **more)
        if not stream:
            [choice] = answer.choices
            self.assertEqual(choice.finish_reason, "tool_calls")
            [call] = choice.message.tool_calls
            return {"id": call.id, "name": call.function.name, "arguments": call.function.arguments}
        call, reason = {"id": "", "name": "", "arguments": ""}, None
        for chunk in answer:
            for choice in chunk.choices:
                reason = choice.finish_reason or reason
                for piece in choice.delta.tool_calls or []:
                    call["id"] += piece.id or ""
                    call["name"] += piece.function.name or ""
                    call["arguments"] += piece.function.arguments or ""
        self.assertEqual(reason, "tool_calls")
        return call


class Failing(unittest.TestCase):
    def test_the_chain_passes_a_dead_host_and_a_wrong_key(self):
        response = client().chat.completions.with_raw_response.create(model="falls", messages=ASK, max_tokens=20)
        self.assertEqual(response.headers["x-jarvis-target"], "llama/tiny")
        reasons = response.headers["x-jarvis-fallback-reason"]
        self.assertIn("gone/tiny", reasons)
        self.assertIn("locked/tiny", reasons)

    def test_a_prompt_that_is_too_long_is_said_to_be(self):
        with self.assertRaises(openai.BadRequestError) as raised:
            ask(messages=[{"role": "user", "content": "server " * 40_000}])
        self.assertEqual(raised.exception.code, "context_length_exceeded")

    def test_sixty_requests_on_kept_connections(self):
        # This server closes a kept connection now and then just when it is used again.
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda seed: ask(seed=seed, max_tokens=5), range(60)))
        self.assertEqual(len(answers), 60)


class Embeddings(unittest.TestCase):
    def test_near_texts_are_near(self):
        texts = ["restart the web server", "start the web server again", "a cat sleeps on the sofa"]
        answer = client().embeddings.create(model="minilm", input=texts)
        vectors = [item.embedding for item in answer.data]
        self.assertEqual([len(vector) for vector in vectors], [384] * 3)
        self.assertGreater(cosine(vectors[0], vectors[1]), cosine(vectors[0], vectors[2]) + 0.3)

    def test_both_encodings_are_the_same_numbers(self):
        as_floats = client().embeddings.create(model="minilm", input="hello", encoding_format="float")
        as_base64 = client().embeddings.create(model="minilm", input="hello")
        self.assertGreater(cosine(as_floats.data[0].embedding, as_base64.data[0].embedding), 0.99999)


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b)) / math.hypot(*a) / math.hypot(*b)


if __name__ == "__main__":
    unittest.main()
