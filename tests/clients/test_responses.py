"""What OpenAI's Python client sees of /v1/responses and /v1/completions, and every object and event against OpenAI's
own document. Run by run.sh."""

import json
import os
import unittest

import openai
import pydantic
import schemas
from chains import BROKEN, KINDS, PLAYS, REFUSED, WHOLE
from test_schemas import ASK, Checked, blocks, send

URL, KEYED_URL, KEY = (os.environ[name] for name in ("JARVIS_URL", "JARVIS_KEYED_URL", "JARVIS_KEY"))
PATH = "/v1/responses"
QUESTION = ASK[0]["content"]
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}
ENDS = {"response.completed", "response.incomplete", "response.failed"}


class City(pydantic.BaseModel):
    name: str
    people: int


def client(url=URL, key="none"):
    return openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=30)


class Documented(Checked):
    def test_every_event(self):
        for kind in KINDS:
            for play, outcome in PLAYS.items():
                with self.subTest(kind=kind, play=play):
                    asks = {"tools": [WEATHER], "reasoning": {"summary": "auto"}, "stream": True}
                    self.streamed({"model": f"check-{kind}-{play}", "input": QUESTION, **asks}, outcome)

    def streamed(self, body, outcome):
        status, kind, data = send(PATH, body)
        if outcome == REFUSED:
            return self.refused(status, data)
        self.assertEqual((status, kind.split(";")[0]), (200, "text/event-stream"), data)
        events = []
        for name, text in blocks(data):
            event = json.loads(text)
            self.assertEqual(schemas.event_problems(event), [], text[:2000])
            self.assertEqual(name, event["type"])
            events.append(event)
        self.assertEqual([event["sequence_number"] for event in events], list(range(len(events))))
        self.assertEqual([event["type"] for event in events[:2]], ["response.created", "response.in_progress"])
        ends = [event["type"] for event in events if event["type"] in ENDS]
        self.assertEqual(ends, [events[-1]["type"]])
        self.assertEqual(ends == ["response.failed"], outcome == BROKEN)
        self.grammar(events)
        return None

    def grammar(self, events):
        """Every item is announced before anything of it, its deltas add up, and the response ends with what was told."""
        items = []
        for event in events:
            kind = event["type"]
            if kind == "response.output_item.added":
                self.assertEqual(event["output_index"], len(items))
                items.append({"id": event["item"]["id"], "said": "", "done": None})
            if "item_id" not in event:
                continue
            item = items[event["output_index"]]
            self.assertEqual((event["item_id"], item["done"]), (item["id"], None))
            item["said"] += event.get("delta", "")
            if kind.endswith((".text.done", "_text.done", "arguments.done")):
                self.assertEqual(event.get("text", event.get("arguments")), item["said"])
        for event in events:
            if event["type"] == "response.output_item.done":
                items[event["output_index"]]["done"] = event["item"]
        output = events[-1]["response"]["output"]
        self.assertEqual([item["id"] for item in output], [item["id"] for item in items])
        for told, item in zip(output, items):
            if item["done"] is None:
                self.assertEqual(told["status"], "incomplete")
            else:
                self.assertEqual(told, item["done"])

    def test_the_agent(self):
        status, _, data = send(PATH, {"model": "jarvis", "input": "help"})
        self.assertEqual(status, 200, data)
        response = json.loads(data)
        self.fits("Response", response)
        self.assertEqual(json.loads(send(f"{PATH}/{response['id']}", method="GET")[2]), response)
        _, _, listed = send(f"{PATH}/{response['id']}/input_items", method="GET")
        self.fits("ResponseItemList", json.loads(listed))
        self.streamed({"model": "jarvis", "input": "help", "stream": True}, WHOLE)

    def test_completions(self):
        for kind in KINDS:
            body = {"model": f"check-{kind}-ok", "prompt": QUESTION}
            status, _, data = send("/v1/completions", body)
            self.assertEqual(status, 200, data)
            self.fits("CreateCompletionResponse", json.loads(data))

    def test_requests_that_are_wrong(self):
        ours = {"model": "check-gpu-ok", "input": "hi"}
        for status, fields in (
            (400, {"input": 5}), (400, {"input": []}), (400, {"tools": [{"type": "web_search"}]}),
            (400, {"background": True}), (400, {"conversation": "c"}), (400, {"prompt": {"id": "p"}}),
            (400, {"previous_response_id": "resp_none"}), (400, {"foo": 1}), (404, {"model": "check-gpu-okay"}),
            (400, {"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}),
            (404, {"input": [{"type": "item_reference", "id": "msg_none"}]}), (413, {"input": "x" * 11_000_000}),
        ):  # fmt: skip
            with self.subTest(fields=str(fields)[:80]):
                seen, _, data = send(PATH, {**ours, **fields})
                self.refused(seen, data)
                self.assertEqual(seen, status)
        for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/input_items"), ("POST", "/cancel")):
            seen, _, data = send(f"{PATH}/resp_none{path}", method=method)
            self.refused(seen, data)
            self.assertEqual(seen, 404)


class Client(unittest.TestCase):
    def test_a_conversation_goes_on(self):
        ours = client().responses
        first = ours.create(model="check-cloud-echo", input="one", instructions="be brief")
        second = ours.create(model="check-gpu-echo", input="two", previous_response_id=first.id)
        self.assertEqual((first.output_text, second.output_text), ("one", "two"))
        self.assertEqual(ours.retrieve(second.id).previous_response_id, first.id)
        self.assertEqual([item.content[0].text for item in ours.input_items.list(second.id)], ["two"])
        ours.delete(first.id)
        with self.assertRaises(openai.BadRequestError) as raised:
            ours.create(model="check-gpu-echo", input="three", previous_response_id=second.id)
        self.assertEqual(raised.exception.code, "previous_response_not_found")

    def test_tools_whole_streamed_and_answered(self):
        for kind in KINDS:
            with self.subTest(kind):
                asks = {"model": f"check-{kind}-tools", "tools": [WEATHER]}
                whole = client().responses.create(input=QUESTION, **asks)
                with client().responses.stream(input=QUESTION, **asks) as stream:
                    streamed = stream.get_final_response()
                for response in (whole, streamed):
                    self.assertEqual([item.type for item in response.output], ["function_call"] * 2)
                    self.assertEqual(len({item.call_id for item in response.output}), 2)
                    for item in response.output:
                        self.assertEqual(set(json.loads(item.arguments)), {"city"})
                results = [
                    {"type": "function_call_output", "call_id": item.call_id, "output": "12 degrees"}
                    for item in streamed.output
                ]
                kept = client().responses.create(input=results, previous_response_id=streamed.id, **asks)
                items = [*ASK, *(item.to_dict() for item in streamed.output), *results]
                sent = client().responses.create(input=items, store=False, **asks)
                self.assertIn("12 degrees", kept.output_text)
                self.assertEqual(sent.output_text, kept.output_text)

    def test_what_is_streamed_adds_up(self):
        for kind in KINDS:
            for asks in ({}, {"reasoning": {"summary": "auto"}}):
                with self.subTest(kind=kind, asks=asks):
                    with client().responses.stream(model=f"check-{kind}-think", input=QUESTION, **asks) as stream:
                        final = stream.get_final_response()
                    whole = client().responses.create(model=f"check-{kind}-think", input=QUESTION, **asks)
                    self.assertEqual(final.output_text, whole.output_text)
                    self.assertEqual([item.type for item in final.output], ["reasoning", "message"])
                    thought = final.output[0].summary if asks else final.output[0].content
                    self.assertTrue(thought[0].text)

    def test_structured_output(self):
        asked = {"model": "check-cloud-echo", "input": '{"name": "Bern", "people": 5}'}
        parsed = client().responses.parse(text_format=City, **asked)
        self.assertEqual(parsed.output_parsed, City(name="Bern", people=5))

    def test_another_key_finds_nothing(self):
        ours = client().responses.create(model="openai-ok", input="mine")
        with self.assertRaises(openai.NotFoundError):
            client(KEYED_URL, KEY).responses.retrieve(ours.id)

    def test_completions(self):
        for kind in KINDS:
            asked = {"model": f"check-{kind}-ok", "prompt": QUESTION}
            whole = client().completions.create(**asked)
            [choice] = whole.choices
            self.assertEqual((whole.object, choice.finish_reason), ("text_completion", "stop"))
            pieces = list(client().completions.create(stream=True, stream_options={"include_usage": True}, **asked))
            said = "".join(choice.text for piece in pieces for choice in piece.choices)
            self.assertEqual((said, pieces[-1].usage), (choice.text, whole.usage))
        with self.assertRaises(openai.BadRequestError) as raised:
            client().completions.create(model="openai-ok", prompt="x", echo=True)
        self.assertEqual((raised.exception.code, raised.exception.param), ("unsupported_parameter", "echo"))


if __name__ == "__main__":
    unittest.main()
