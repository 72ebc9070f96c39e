"""What a program that uses Ollama's Python client sees of Jarvis. Run by run.sh."""

import base64
import functools
import json
import os
import unittest
import urllib.request

import ollama

URL, KEYED_URL, KEY, STAND_IN_URL = (
    os.environ[name] for name in ("JARVIS_URL", "JARVIS_KEYED_URL", "JARVIS_KEY", "STAND_IN_URL")
)
ASK = [{"role": "user", "content": "Which containers run on this server?"}]
SERVERS = ("openai", "ollama")
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def get_weather(city: str) -> str:
    """The weather in one city.

    Args:
      city: Where.
    """
    return f"12 degrees in {city}"


@functools.cache
def client(url=URL, key=None):
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    ours = ollama.Client(host=url, timeout=30, headers=headers)
    unittest.addModuleCleanup(ours.close)
    return ours


def upstream(mark):
    """What the model server was asked in the request with `mark` in it."""
    with urllib.request.urlopen(f"{STAND_IN_URL}/log", timeout=5) as response:
        [body] = [entry["body"] for entry in json.load(response) if mark in json.dumps(entry["body"])]
    return body


class Models(unittest.TestCase):
    def test_every_name_is_listed_and_can_be_shown(self):
        names = [model.model for model in client().list().models]
        self.assertLessEqual({"jarvis:latest", "openai-ok:latest", "ollama-ok:latest", "falls:latest"}, set(names))
        for name in names:
            with self.subTest(name):
                shown = client().show(name)
                self.assertTrue({"completion", "embedding"} & set(shown.capabilities), shown.capabilities)
                self.assertIn("general.architecture", shown.modelinfo)

    def test_what_is_loaded(self):
        client().chat("ollama-ok", ASK)
        self.assertIn("gpu/ok", {model.model for model in client().ps().models})

    def test_models_are_not_managed_here(self):
        with self.assertRaises(ollama.ResponseError) as raised:
            client().pull("qwen3")
        self.assertEqual(raised.exception.status_code, 501)
        self.assertIn("pull is not offered here", raised.exception.error)


class Answers(unittest.TestCase):
    def check_end(self, end):
        self.assertEqual((end.done, end.done_reason), (True, "stop"))
        counters = (end.total_duration, end.prompt_eval_count, end.eval_count, end.eval_duration)
        self.assertTrue(all(counter > 0 for counter in counters), counters)

    def test_whole_and_streamed_are_the_same(self):
        for server in SERVERS:
            with self.subTest(server):
                whole = client().chat(f"{server}-ok", ASK)
                self.assertEqual(whole.message.role, "assistant")
                self.check_end(whole)
                parts = list(client().chat(f"{server}-ok:latest", ASK, stream=True))
                self.assertEqual("".join(part.message.content for part in parts), whole.message.content)
                self.assertGreater(len(parts), 3, "the answer came in one piece")
                self.assertEqual([part.done for part in parts], [False] * (len(parts) - 1) + [True])
                self.check_end(parts[-1])

    def test_a_prompt(self):
        for server in SERVERS:
            with self.subTest(server):
                whole = client().generate(f"{server}-ok", "Which containers run?", system="Be brief.")
                self.check_end(whole)
                parts = list(client().generate(f"{server}-ok", "Which containers run?", stream=True))
                self.assertEqual("".join(part.response for part in parts), whole.response)
                self.check_end(parts[-1])

    def test_a_prompt_with_a_suffix_needs_a_server_that_takes_prompts(self):
        self.assertTrue(client().generate("ollama-ok", "fn main() {", suffix="}").response)
        with self.assertRaises(ollama.ResponseError) as raised:
            client().generate("openai-ok", "fn main() {", suffix="}")
        self.assertIn("`suffix`", raised.exception.error)

    def test_thinking_is_apart_from_the_answer(self):
        for server in SERVERS:
            with self.subTest(server):
                message = client().chat(f"{server}-thinks", ASK, think=True).message
                self.assertTrue(message.thinking)
                self.assertTrue(message.content)
                parts = [part.message for part in client().chat(f"{server}-thinks", ASK, think="high", stream=True)]
                self.assertEqual("".join(part.thinking or "" for part in parts), message.thinking)
                self.assertEqual("".join(part.content or "" for part in parts), message.content)

    def test_nothing_is_loaded_or_unloaded_for_a_client(self):
        self.assertEqual(client().generate("ollama-ok", "").done_reason, "load")
        self.assertEqual(client().generate("ollama-ok", "", keep_alive=0).done_reason, "unload")
        self.assertEqual(client().chat("ollama-ok", [], keep_alive="1h").done_reason, "load")


class Passing(unittest.TestCase):
    """What reaches the model server of what a client says."""

    def test_options_and_a_schema(self):
        for server in SERVERS:
            with self.subTest(server):
                mark = f"options for {server}"
                options = {"temperature": 0.5, "num_predict": 64, "stop": ["END"], "seed": 3, "top_k": 20, "num_ctx": 512}
                ask = [{"role": "user", "content": mark}]
                client().chat(f"{server}-ok", ask, format=SCHEMA, options=options, keep_alive="1h")
                asked = upstream(mark)
                if server == "ollama":
                    self.assertEqual(asked["format"], SCHEMA)
                    expect = {name: options[name] for name in ("temperature", "num_predict", "stop", "seed", "top_k")}
                    self.assertEqual(asked["options"], expect)
                    self.assertNotIn("keep_alive", asked)
                else:
                    self.assertEqual(asked["response_format"]["json_schema"]["schema"], SCHEMA)
                    self.assertEqual((asked["temperature"], asked["seed"], asked["stop"]), (0.5, 3, ["END"]))
                    self.assertEqual(asked["max_completion_tokens"], 64)

    def test_images(self):
        for server in SERVERS:
            with self.subTest(server):
                mark = f"an image for {server}"
                client().chat(f"{server}-sees", [{"role": "user", "content": mark, "images": [PNG]}])
                [message] = upstream(mark)["messages"]
                data = base64.b64encode(PNG).decode()
                if server == "ollama":
                    self.assertEqual(message["images"], [data])
                else:
                    self.assertEqual(message["content"][1]["image_url"]["url"], f"data:image/png;base64,{data}")


    def test_clients_of_different_opinions_do_not_have_the_model_loaded_anew(self):
        for tokens in (512, 4096, 16384):
            options = {"num_ctx": tokens, "num_gpu": tokens, "num_batch": tokens}
            client().chat("ollama-ok", ASK, options=options, keep_alive=tokens)
            client().generate("ollama-ok", "Which containers run?", options=options, keep_alive=0)
        with urllib.request.urlopen(f"{STAND_IN_URL}/runners", timeout=5) as response:
            runners = {runner["model"]: (runner["is_loaded"], runner["reloads"]) for runner in json.load(response)}
        self.assertEqual(runners["ok"], (True, 0))


class Tools(unittest.TestCase):
    def test_parallel_calls_whole_streamed_and_answered(self):
        for server in SERVERS:
            with self.subTest(server):
                whole = client().chat(f"{server}-tools", ASK, tools=[get_weather])
                calls = [(call.function.name, dict(call.function.arguments)) for call in whole.message.tool_calls]
                self.assertEqual([name for name, _ in calls], ["get_weather"] * 2)
                self.assertEqual([set(arguments) for _, arguments in calls], [{"city"}] * 2)
                parts = list(client().chat(f"{server}-tools", ASK, tools=[get_weather], stream=True))
                streamed = [call for part in parts for call in part.message.tool_calls or []]
                self.assertEqual([(call.function.name, dict(call.function.arguments)) for call in streamed], calls)
                results = [
                    {"role": "tool", "tool_name": name, "content": get_weather(**arguments)} for name, arguments in calls
                ]
                answer = client().chat(f"{server}-tools", [*ASK, whole.message, *results], tools=[get_weather])
                self.assertFalse(answer.message.tool_calls)
                self.assertIn("12 degrees", answer.message.content)


class Embeddings(unittest.TestCase):
    def test_one_many_and_the_older_route(self):
        for server in SERVERS:
            with self.subTest(server):
                many = client().embed(f"{server}-vectors", ["one text", "another text"])
                self.assertEqual(len(many.embeddings), 2)
                [one] = client().embed(f"{server}-vectors", "one text").embeddings
                self.assertEqual(list(one), list(many.embeddings[0]))
                old = client().embeddings(f"{server}-vectors", "one text").embedding
                self.assertEqual(list(old), list(one))


class Errors(unittest.TestCase):
    def check(self, status, says, call):
        with self.assertRaises(ollama.ResponseError) as raised:
            call()
        self.assertEqual(raised.exception.status_code, status)
        self.assertIn(says, raised.exception.error)

    def test_refusals(self):
        ours = client()
        self.check(404, "model 'no-such-model' not found", lambda: ours.chat("no-such-model", ASK))
        self.check(404, "model 'no-such-model' not found", lambda: list(ours.chat("no-such-model", ASK, stream=True)))
        self.check(404, "model 'no-such-model' not found", lambda: ours.show("no-such-model"))
        self.check(400, "invalid role", lambda: ours.chat("ollama-ok", [{"role": "king", "content": "x"}]))
        self.check(401, "a key is needed here", lambda: client(KEYED_URL).list())
        keyed = client(KEYED_URL, KEY)
        self.assertTrue(keyed.chat("openai-ok", ASK).message.content)

    def test_a_stream_that_dies_is_an_error_and_not_an_end(self):
        for server in SERVERS:
            with self.subTest(server), self.assertRaises(ollama.ResponseError):
                list(client().chat(f"{server}-dies", ASK, stream=True))
            with self.subTest(server, whole=True), self.assertRaises(ollama.ResponseError):
                client().chat(f"{server}-dies", ASK)


class Agent(unittest.TestCase):
    def test_the_agent_is_a_model_too(self):
        answer = client().chat("jarvis", [{"role": "user", "content": "help"}])
        self.assertTrue(answer.message.content)


if __name__ == "__main__":
    unittest.main()
