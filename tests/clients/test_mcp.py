"""MCP both ways: its Python SDK and the inspector's command line as clients of Jarvis, and its reference server
(`@modelcontextprotocol/server-everything`) as a server that Jarvis uses. Run by run.sh."""

import asyncio
import json
import os
import subprocess
import time
import unittest
import urllib.error
import urllib.request

import httpx2
from mcp import Client, ClientSession, MCPError
from mcp.client.streamable_http import streamable_http_client

URL, KEYED_URL, ASK_KEY, OPS_KEY, CHAT_KEY = (
    os.environ[name] for name in ("JARVIS_URL", "JARVIS_KEYED_URL", "JARVIS_MCP_KEY", "JARVIS_MCP_OPS_KEY", "JARVIS_KEY")
)


def text(result):
    return "\n".join(part.text for part in result.content)


async def with_key(url, key, work):
    """Runs `work` with a session that begins with `initialize`, and sends `key`."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        async with streamable_http_client(f"{url}/mcp", http_client=http) as streams:
            async with ClientSession(streams[0], streams[1]) as session:
                begun = await session.initialize()
                return await work(session, begun)


def post(url, body, headers=None):
    """Status and JSON of one POST of raw bytes to /mcp."""
    request = urllib.request.Request(f"{url}/mcp", body, {"Content-Type": "application/json", **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, json.loads(response.read() or "null")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or "null")


def own(path, body=None):
    """A route of Jarvis's own API, as the owner on this machine."""
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{URL}{path}", data), timeout=30) as response:
        return json.load(response)


class PythonSdk(unittest.TestCase):
    def test_the_handshake_the_list_and_a_read(self):
        async def work(session, begun):
            self.assertEqual(begun.server_info.name, "jarvis")
            await session.send_ping()
            listed = await session.list_tools()
            names = [tool.name for tool in listed.tools]
            self.assertEqual(names[0], "ask_jarvis")
            self.assertIn("list_containers", names)
            self.assertIn("docker_action", names)
            hints = {tool.name: tool.annotations.read_only_hint for tool in listed.tools}
            self.assertTrue(hints["list_containers"])
            self.assertFalse(hints["docker_action"])
            return await session.call_tool("get_server_status", {})

        result = asyncio.run(with_key(URL, None, work))
        self.assertFalse(result.is_error, text(result))
        self.assertTrue(text(result))

    def test_the_client_that_finds_the_protocol_by_itself(self):
        async def work():
            async with Client(f"{URL}/mcp") as client:
                listed = await client.list_tools()
                return [tool.name for tool in listed.tools]

        self.assertIn("ask_jarvis", asyncio.run(work()))

    def test_jarvis_is_asked(self):
        async def work(session, _):
            return await session.call_tool("ask_jarvis", {"question": "Which containers run on this server?"})

        result = asyncio.run(with_key(URL, None, work))
        self.assertFalse(result.is_error, text(result))
        self.assertTrue(text(result))

    def test_an_act_waits_for_a_person(self):
        async def work(session, _):
            return await session.call_tool("mcp_everything_echo", {"message": "hello"})

        connected("everything")
        result = asyncio.run(with_key(URL, None, work))
        self.assertTrue(result.is_error, text(result))
        self.assertIn("approval", result.model_dump_json())
        card = result.meta["jarvis/approval"]
        self.assertEqual(own(f"/v1/jarvis/approvals/{card}")["status"], "pending")

    def test_what_is_not_there_is_an_error_of_the_protocol(self):
        async def work(session, _):
            with self.assertRaises(MCPError) as refused:
                await session.call_tool("no_such_tool", {})
            self.assertEqual(refused.exception.error.code, -32602)
            return await session.call_tool("get_container_logs", {"container": 7, "no": "such"})

        result = asyncio.run(with_key(URL, None, work))
        self.assertTrue(result.is_error)
        self.assertIn("do not fit", text(result))

    def test_a_key_with_the_scope_alone_asks_and_has_no_tools(self):
        async def work(session, _):
            listed = await session.list_tools()
            self.assertEqual([tool.name for tool in listed.tools], ["ask_jarvis"])
            with self.assertRaises(MCPError):
                await session.call_tool("list_containers", {})
            return await session.call_tool("ask_jarvis", {"question": "Who are you?"})

        result = asyncio.run(with_key(KEYED_URL, ASK_KEY, work))
        self.assertFalse(result.is_error, text(result))

    def test_a_key_with_ops_has_tools(self):
        async def work(session, _):
            return [tool.name for tool in (await session.list_tools()).tools]

        self.assertIn("list_containers", asyncio.run(with_key(KEYED_URL, OPS_KEY, work)))


class Door(unittest.TestCase):
    PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'

    def test_who_may_not_come_in(self):
        self.assertEqual(post(KEYED_URL, self.PING)[0], 401)
        self.assertEqual(post(KEYED_URL, self.PING, {"Authorization": "Bearer jv_wrong"})[0], 401)
        self.assertEqual(post(KEYED_URL, self.PING, {"Authorization": f"Bearer {CHAT_KEY}"})[0], 403)
        self.assertEqual(post(URL, self.PING, {"Origin": "http://evil.test"})[0], 403)
        self.assertEqual(post(URL, self.PING, {"Host": "evil.test"})[0], 403)
        self.assertEqual(post(URL, self.PING), (200, {"jsonrpc": "2.0", "id": 1, "result": {}}))

    def test_what_is_no_message(self):
        self.assertEqual(post(URL, b"{")[1]["error"]["code"], -32700)
        self.assertEqual(post(URL, b"[]")[1]["error"]["code"], -32600)
        self.assertEqual(post(URL, b'{"jsonrpc":"2.0","id":1,"method":"nope"}')[1]["error"]["code"], -32601)
        self.assertEqual(post(URL, b'{"jsonrpc":"2.0","method":"notifications/initialized"}'), (202, None))
        self.assertEqual(post(URL, b'"' + b"x" * 2_000_000 + b'"')[0], 413)
        self.assertEqual(post(URL, self.PING, {"MCP-Protocol-Version": "1999-01-01"})[0], 400)


class Inspector(unittest.TestCase):
    def run_it(self, *words):
        command = ["node_modules/.bin/mcp-inspector", "--cli", f"{URL}/mcp", "--transport", "http", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        return json.loads(done.stdout)

    def test_it_lists_and_calls(self):
        names = [tool["name"] for tool in self.run_it("--method", "tools/list")["tools"]]
        self.assertIn("ask_jarvis", names)
        result = self.run_it("--method", "tools/call", "--tool-name", "get_server_status")
        self.assertFalse(result["isError"], result)
        result = self.run_it(
            "--method", "tools/call", "--tool-name", "ask_jarvis", "--tool-arg", "question=Who are you?"
        )
        self.assertFalse(result["isError"], result)


def connected(name):
    """A reference server as Jarvis sees it, when it is connected."""
    for _ in range(300):
        servers = {server["server"]: server for server in own("/v1/jarvis/mcp")["servers"]}
        if servers[name]["state"] == "connected":
            return servers[name]
        time.sleep(0.1)
    raise AssertionError(servers)


# Every tool of the reference server, and its resources; `echo` has a card.
TESTED = {
    "get-annotated-message", "get-env", "get-resource-links", "get-resource-reference", "get-structured-content", "get-sum",
    "get-tiny-image", "gzip-file-as-resource", "resources/list", "resources/read", "simulate-research-query",
    "toggle-simulated-logging", "toggle-subscriber-updates", "trigger-long-running-operation",
}  # fmt: skip


class ReferenceServer(unittest.TestCase):
    """Its tools are listed as reads in jarvis.toml, so that a call of them needs no card; one is left out of that."""

    server = "everything"

    def call(self, tool, **arguments):
        async def work(session, _):
            return await session.call_tool(f"mcp_{self.server}_{tool}", arguments)

        connected(self.server)
        return asyncio.run(with_key(URL, None, work))

    def test_every_tool_is_there(self):
        server = connected(self.server)
        self.assertIn("everything", server["says"])
        states = {tool["tool"]: tool["state"] for tool in server["tools"]}
        self.assertEqual(states.pop("echo"), "asks")
        self.assertEqual(set(states.values()), {"reads"}, states)
        # One that is not listed here has no test below.
        self.assertEqual(set(states), TESTED, set(states) ^ TESTED)

    def test_a_call_with_a_card_is_made_when_a_person_says_yes(self):
        waits = self.call("echo", message="after the card")
        card = waits.meta["jarvis/approval"]
        own(f"/v1/jarvis/approvals/{card}", {"yes": True})
        for _ in range(300):
            decided = own(f"/v1/jarvis/approvals/{card}")
            if decided["status"] not in ("pending", "approved", "executing"):
                break
            time.sleep(0.1)
        self.assertEqual(decided["status"], "done", decided)
        self.assertIn("Echo: after the card", json.dumps(decided["outcome"]))

    def test_words_pictures_resources_and_structures(self):
        self.assertIn("5", text(self.call("get-sum", a=2, b=3)))
        self.assertIn("[a picture (image/png", text(self.call("get-tiny-image")))
        self.assertIn("[a link to ", text(self.call("get-resource-links", count=2)))
        self.assertIn("[the text of ", text(self.call("get-resource-reference", resourceType="Text", resourceId=1)))
        self.assertIn("[a file, ", text(self.call("get-resource-reference", resourceType="Blob", resourceId=1)))
        self.assertTrue(text(self.call("get-structured-content", location="New York")))
        self.assertTrue(text(self.call("get-annotated-message", messageType="error", includeImage=True)))

    def test_a_file_is_packed_and_read_as_a_resource(self):
        data = "data:text/plain;base64,aGVsbG8="
        whole = text(self.call("gzip-file-as-resource", name="hello.gz", data=data, outputType="resource"))
        self.assertIn("[a file, demo://resource/session/hello.gz (application/gzip", whole)
        link = text(self.call("gzip-file-as-resource", name="later.gz", data=data, outputType="resourceLink"))
        self.assertIn("[a link to later.gz: demo://resource/session/later.gz]", link)
        self.assertIn("demo://resource/session/later.gz", text(self.call("resources_list")))
        read = text(self.call("resources_read", uri="demo://resource/session/later.gz"))
        self.assertIn("[a file, demo://resource/session/later.gz", read)
        refused = self.call("gzip-file-as-resource", name="x", data="file:///etc/passwd", outputType="resource")
        self.assertTrue(refused.is_error)
        self.assertNotIn("root:", text(refused))

    def test_every_kind_of_resource_is_read(self):
        listed = text(self.call("resources_list")).splitlines()
        patterns = listed.index("Patterns of further addresses:")
        addresses = [line.split(": ")[0] for line in listed[:patterns]]
        self.assertTrue(addresses)
        for address in addresses:
            read = self.call("resources_read", uri=address)
            self.assertFalse(read.is_error, text(read))
            self.assertIn(f"[the text of {address}]" if "session" not in address else "[a file, ", text(read))
        self.assertIn("demo://resource/dynamic/text/{resourceId}", "\n".join(listed[patterns:]))
        dynamic = text(self.call("resources_read", uri="demo://resource/dynamic/text/7"))
        self.assertIn("[the text of demo://resource/dynamic/text/7]", dynamic)
        blob = text(self.call("resources_read", uri="demo://resource/dynamic/blob/7"))
        self.assertIn("[a file, demo://resource/dynamic/blob/7", blob)

    def test_resources_that_are_not_there_are_told(self):
        for address in ("demo://resource/nowhere", "demo://resource/dynamic/text/0", "no address"):
            refused = self.call("resources_read", uri=address)
            self.assertTrue(refused.is_error, address)

    def test_what_a_server_sends_unasked_changes_nothing(self):
        for tool in ("toggle-simulated-logging", "toggle-subscriber-updates"):
            self.assertIn("Started", text(self.call(tool)))
            self.assertIn("5", text(self.call("get-sum", a=2, b=3)))
            self.assertIn("Stopped", text(self.call(tool)))

    def test_a_tool_that_only_works_as_a_task_says_so(self):
        result = self.call("simulate-research-query", topic="bread")
        self.assertTrue(result.is_error, text(result))
        self.assertIn("task", text(result))

    def test_progress_does_not_end_a_call_early(self):
        self.assertIn("completed", text(self.call("trigger-long-running-operation", duration=1, steps=5)))

    def test_arguments_that_do_not_fit_are_told(self):
        wrong = [
            ("get-sum", {"a": "two", "b": 3}),
            ("get-resource-reference", {"resourceType": "Text", "resourceId": -1}),
            ("get-structured-content", {"location": "Atlantis"}),
            ("get-annotated-message", {"messageType": "whisper"}),
            ("get-resource-links", {"count": 1000}),
        ]
        for tool, arguments in wrong:
            result = self.call(tool, **arguments)
            self.assertTrue(result.is_error, tool)
            self.assertIn("error", text(result), tool)


class ReferenceServerOverHttp(ReferenceServer):
    server = "everything-http"


class ReferenceProgram(unittest.TestCase):
    def test_its_variables_are_those_that_it_was_given(self):
        async def work(session, _):
            return await session.call_tool("mcp_everything_get-env", {})

        connected("everything")
        said = text(asyncio.run(with_key(URL, None, work)))
        self.assertIn("PATH", said)
        self.assertNotIn("CLIENT_TEST_CREDENTIAL", said)


if __name__ == "__main__":
    unittest.main()
