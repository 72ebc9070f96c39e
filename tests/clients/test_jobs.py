"""What a program that uses OpenAI's Python client sees of embeddings, images and audio. Run by run.sh."""

import io
import unittest

import openai

from test_python import KEY, KEYED_URL, client

TEXTS = ["the quick brown fox", "a lazy dog", ""]


class Embeddings(unittest.TestCase):
    def test_the_client_decodes_what_it_asks_for_by_itself(self):
        seen = []
        for server in ("openai", "ollama", "lax"):
            with self.subTest(server):
                # Without an encoding_format the client asks for base64 and decodes it.
                coded = client().embeddings.create(model=f"embed-{server}", input=TEXTS)
                plain = client().embeddings.create(model=f"embed-{server}", input=TEXTS, encoding_format="float")
                self.assertEqual([item.index for item in coded.data], [0, 1, 2])
                for ours, theirs in zip(coded.data, plain.data, strict=True):
                    self.assertEqual(len(ours.embedding), 8)
                    for one, other in zip(ours.embedding, theirs.embedding, strict=True):
                        self.assertAlmostEqual(one, other, places=6)
                self.assertGreater(coded.usage.prompt_tokens, 0)
                self.assertEqual(coded.usage.total_tokens, coded.usage.prompt_tokens)
                seen.append([item.embedding for item in plain.data])
        self.assertEqual(seen[0], seen[2])

    def test_dimensions(self):
        for server in ("openai", "ollama"):
            answer = client().embeddings.create(model=f"embed-{server}", input="a", dimensions=4)
            self.assertEqual(len(answer.data[0].embedding), 4)

    def test_a_chain_of_one_space_falls_to_its_next_target(self):
        raw = client().embeddings.with_raw_response.create(model="embed-falls", input=TEXTS)
        self.assertEqual(raw.headers["x-jarvis-target"], "cloud/embed:named")
        self.assertEqual(raw.headers["x-jarvis-space"], "stand-in-8")
        self.assertEqual(len(raw.parse().data), 3)

    def test_what_is_too_long_is_named(self):
        with self.assertRaises(openai.BadRequestError) as raised:
            client().embeddings.create(model="embed-ollama", input=["a", "long " * 500])
        self.assertEqual((raised.exception.code, raised.exception.param), ("context_length_exceeded", "input"))
        self.assertIn("input[1]", raised.exception.message)

    def test_a_key_for_chat_does_not_embed(self):
        with self.assertRaises(openai.PermissionDeniedError) as raised:
            client(KEYED_URL, KEY).embeddings.create(model="embed-openai", input="a")
        self.assertEqual(raised.exception.code, "insufficient_scope")


class Images(unittest.TestCase):
    def test_generate(self):
        answer = client().images.generate(model="draw", prompt="a red square", n=2, size="1024x1024")
        self.assertEqual(len(answer.data), 2)
        self.assertTrue(answer.data[0].b64_json)
        self.assertEqual(answer.usage.total_tokens, 110)

    def test_partial_images(self):
        stream = client().images.generate(model="draw", prompt="a red square", stream=True, partial_images=2)
        kinds = [event.type for event in stream]
        self.assertEqual(kinds[-1], "image_generation.completed")
        self.assertIn("image_generation.partial_image", kinds)

    def test_a_stream_that_dies_is_an_error(self):
        stream = client().images.generate(model="draw-dies", prompt="a red square", stream=True)
        with self.assertRaises(openai.APIError):
            list(stream)

    def test_edit(self):
        answer = client().images.edit(model="draw", prompt="make it blue", image=("a.png", b"\x89PNG\r\n"))
        self.assertTrue(answer.data[0].b64_json)

    def test_what_cannot_draw_says_so(self):
        with self.assertRaises(openai.BadRequestError) as raised:
            client().images.generate(model="ollama-ok", prompt="a red square")
        self.assertEqual(raised.exception.code, "unsupported_by_model")
        self.assertIn("gpu (ollama) cannot make images", raised.exception.message)


class Audio(unittest.TestCase):
    def hear(self, model="hear", content=b"RIFF....WAVE", **more):
        return client().audio.transcriptions.create(model=model, file=("a.wav", io.BytesIO(content)), **more)

    def test_transcripts(self):
        text = self.hear().text
        self.assertTrue(text.startswith("Three containers"))
        self.assertEqual(self.hear(response_format="text").strip(), text)
        self.assertEqual(self.hear(response_format="verbose_json").duration, 3.0)
        self.assertIn("-->", self.hear(response_format="srt"))
        self.assertTrue(self.hear(response_format="vtt").startswith("WEBVTT"))

    def test_a_streamed_transcript(self):
        events = list(self.hear(stream=True))
        self.assertEqual(events[-1].type, "transcript.text.done")
        deltas = "".join(event.delta for event in events if event.type == "transcript.text.delta")
        self.assertEqual(deltas, events[-1].text)

    def test_the_whole_file_arrives(self):
        content = bytes(range(256)) * 20_000
        self.assertTrue(self.hear("hear-echo", content).text.startswith("5120000 bytes, sum "))

    def test_speech_is_streamed(self):
        speech = client().audio.speech.with_streaming_response
        with speech.create(model="say", voice="alloy", input="Hello there.", response_format="wav") as answer:
            self.assertEqual(answer.headers["content-type"], "audio/wav")
            self.assertEqual(answer.headers["x-jarvis-target"], "cloud/ok")
            length = sum(len(chunk) for chunk in answer.iter_bytes())
        self.assertGreater(length, 4096)
        self.assertEqual(length % 4096, 0)

    def test_speech_that_breaks_off_is_no_end(self):
        speech = client().audio.speech.with_streaming_response
        # The client lets the error of its transport through, or wraps it when the connection broke with the head.
        with (
            self.assertRaises(Exception) as raised,
            speech.create(model="say-dies", voice="alloy", input="Hello there.") as answer,
        ):
            for chunk in answer.iter_bytes():
                self.assertTrue(chunk)
        self.assertIn(type(raised.exception).__name__, ("RemoteProtocolError", "APIConnectionError"))


if __name__ == "__main__":
    unittest.main()
