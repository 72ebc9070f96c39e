// What the stand-in answers. The words of the question choose the scene.
import * as data from "./data.mjs";

const sleep = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

export async function answer(mock, conversation, text) {
  const run = { conversation_id: conversation, run_id: `run-${mock.id()}` };
  mock.stopped.delete(conversation);
  mock.emit({ type: "run", ...run, state: "started" });
  const tools = [];
  const tool = (line) => {
    const at = tools.findIndex((known) => known.call_id === line.call_id);
    if (at < 0) tools.push(line);
    else tools[at] = line;
    mock.emit({ type: "tool", ...run, ...line });
  };
  const scene = SCENES.find(([word]) => text.toLowerCase().includes(word))?.[1] ?? plain;
  const { text: said, why = "answered" } = await scene({ mock, run, conversation, tool, text, stream: (piece) => stream(mock, run, piece) });
  const message = mock.store(conversation, { role: "assistant", run_id: run.run_id, text: said, detail: { target: "gpu/qwen3:14b", tools, why } });
  mock.emit({ type: "message", message });
  mock.emit({ type: "run", ...run, state: "finished", why });
}

/** Streams word by word; answers what was streamed, which is less when the turn was cancelled. */
async function stream(mock, run, text) {
  let said = "";
  for (const piece of text.match(/\s*\S+/g) ?? []) {
    if (mock.stopped.has(run.conversation_id)) return { text: said, why: "cancelled" };
    said += piece;
    mock.emit({ type: "delta", ...run, text: piece });
    await sleep(mock.pace);
  }
  return { text: said };
}

const plain = ({ stream, text }) => stream(`You said: **${text.replaceAll("*", "")}**. All is well.`);

async function running({ tool, stream, mock }) {
  tool({ call_id: "c1", name: "list_containers", target: null, status: "running" });
  await sleep(mock.pace * 10);
  tool({ call_id: "c1", name: "list_containers", target: null, status: "ok" });
  const { why } = await stream(data.MARKDOWN);
  return { text: data.MARKDOWN, ...(why ? { why } : {}) };
}

async function stopWeb({ mock, conversation, tool, stream }) {
  tool({ call_id: "c1", name: "list_containers", target: null, status: "ok" });
  tool({ call_id: "c2", name: "docker_action", target: "web", status: "running" });
  const id = `K7Q${"XYZABCDEFGH"[mock.approvals.length % 11]}`;
  mock.ask(data.approval(id, Date.now(), conversation));
  tool({ call_id: "c2", name: "docker_action", target: "web", status: "pending", approval: id });
  return stream(`Stopping **web** needs your decision: approval \`${id}\`.`);
}

const count = ({ stream }) => stream(Array.from({ length: 120 }, (_, at) => `n${at + 1}`).join(" "));

async function failover({ mock, run, stream }) {
  await stream("This half answer comes from a machine that dies");
  mock.emit({ type: "reset", ...run });
  return stream("The second machine gives the whole answer.");
}

const SCENES = [
  ["running", running],
  ["stop web", stopWeb],
  ["count", count],
  ["failover", failover],
  ["hostile", ({ stream }) => stream(data.hostileText())],
];
