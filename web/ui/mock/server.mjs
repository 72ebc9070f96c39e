// Plays docs/api.md for the development and the tests of the console, without models and without Rust.
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as data from "./data.mjs";
import { answer } from "./answers.mjs";

const DIST = join(dirname(fileURLToPath(import.meta.url)), "../../dist");
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".webmanifest": "application/manifest+json" };
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, { status, code });
  }
}

export class Mock {
  constructor({ key = null, pace = 15, hostile = false, empty = false, cards = 0 } = {}) {
    Object.assign(this, { key, pace, epoch: randomBytes(4).toString("hex"), log: [], streams: new Set(), stopped: new Set(), counter: 0, requests: [] });
    const now = Date.now();
    this.messages = new Map();
    this.conversations = [];
    this.targets = empty ? [] : data.targets(now);
    this.approvals = [];
    this.entries = empty ? [] : data.audit(130, now);
    this.check = { chain: "intact", entries: this.entries.length };
    if (!empty) this.seed(now, hostile);
    for (let at = 0; at < cards; at += 1) this.approvals.push(data.approval(`CARD${at}`, now + at, this.conversations[0].id));
  }

  seed(now, hostile) {
    this.startConversation("What is running here?", now - 7_200_000);
    this.startConversation("Why was the nightly backup of the photo library so slow this week?", now - 90_000_000);
    const long = this.startConversation("Question 1: how is plex?", now - 72_000_000);
    this.messages.set(long.id, data.history(long.id, 80, now, () => this.id()));
    const [first] = this.conversations.filter((one) => one.title.startsWith("What"));
    this.store(first.id, { role: "user", text: "What is running here?", created_at: now - 7_210_000 });
    this.store(first.id, { role: "assistant", run_id: "seed", text: data.MARKDOWN, created_at: now - 7_200_000, detail: { target: "gpu/qwen3:14b", why: "answered", tools: [{ call_id: "s1", name: "list_containers", target: null, status: "ok" }, { call_id: "s2", name: "container_logs", target: "web", status: "ok" }] } });
    if (!hostile) return;
    const bad = this.startConversation(`${data.HOSTILE.script} ${data.HOSTILE.bidi}`, now + 1000);
    this.store(bad.id, { role: "user", text: data.hostileText() });
    this.store(bad.id, { role: "assistant", run_id: "bad", text: data.hostileText(), detail: { target: data.HOSTILE.script, why: data.HOSTILE.script, tools: [{ call_id: "x", name: data.HOSTILE.script, target: data.HOSTILE.bidi, status: "ok" }] } });
    this.store(bad.id, { role: "event", text: "x".repeat(1_048_576) });
    const plan = { title: `stop ${data.HOSTILE.bidi}`, says: [data.HOSTILE.script, data.HOSTILE.ansi], before: data.HOSTILE.bidi, after: data.HOSTILE.script, undo: data.HOSTILE.ansi };
    this.approvals.push(data.approval("EVIL", now, bad.id, { plan, tool: data.HOSTILE.script, arguments: { container: data.HOSTILE.bidi, note: data.HOSTILE.script, long: "y".repeat(5000) }, requested_by: data.HOSTILE.bidi }));
    this.targets.push({ ...this.targets[0], name: data.HOSTILE.script, reason: data.HOSTILE.ansi, state: "open" });
    this.entries.unshift({ ...this.entries[0], id: 131, kind: data.HOSTILE.script, tool: data.HOSTILE.bidi, arguments: { x: data.HOSTILE.ansi } });
  }

  /** Sorts like a UUIDv7: by time first. */
  id() {
    this.counter += 1;
    return `0199${String(this.counter).padStart(12, "0")}`;
  }

  startConversation(title, at = Date.now()) {
    const made = { id: this.id(), title, created_at: at, updated_at: at };
    this.conversations.push(made);
    this.messages.set(made.id, []);
    return made;
  }

  store(conversation, fields) {
    const message = { id: this.id(), conversation_id: conversation, run_id: null, detail: {}, created_at: Date.now(), ...fields };
    this.messages.get(conversation).push(message);
    const of = this.conversations.find((one) => one.id === conversation);
    of.title ||= message.text.slice(0, 80);
    of.updated_at = Math.max(of.updated_at, message.created_at);
    return message;
  }

  emit(event) {
    const id = `${this.epoch}-${this.log.length + 1}`;
    const frame = `id: ${id}\ndata: ${JSON.stringify(event)}\n\n`;
    this.log.push(frame);
    for (const stream of this.streams) stream.write(frame);
  }

  /** Cuts every event stream, as a proxy or a sleeping laptop does. */
  drop() {
    for (const stream of this.streams) stream.destroy();
  }

  /** What a restarted server looks like from outside. */
  restart() {
    this.epoch = randomBytes(4).toString("hex");
    this.log = [];
    this.drop();
  }

  ask(card) {
    this.approvals.push(card);
    this.emit({ type: "approval", approval: card });
  }

  change(id, changes) {
    const card = this.approvals.find((one) => one.id === id);
    Object.assign(card, changes);
    this.emit({ type: "approval", approval: card });
    return card;
  }

  events(request, response) {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    const last = request.headers["last-event-id"];
    if (last) {
      const [epoch, sequence] = last.split("-");
      if (epoch === this.epoch) this.log.slice(Number(sequence)).forEach((frame) => response.write(frame));
      else response.write(`data: {"type":"reload"}\n\n`);
    }
    response.write(": hello\n\n");
    this.streams.add(response);
    const beat = setInterval(() => response.write(": beat\n\n"), 15_000);
    response.on("close", () => {
      clearInterval(beat);
      this.streams.delete(response);
    });
  }

  say(conversation, body, respond) {
    const stored = this.messages.get(conversation);
    if (!stored) throw new Refusal(404, "conversation_not_found", "no such conversation");
    const again = stored.find((message) => body.id && message.external === body.id);
    if (again) return respond(200, { message: again });
    const message = this.store(conversation, { role: "user", text: body.text, external: body.id });
    this.emit({ type: "message", message });
    respond(202, { message });
    void answer(this, conversation, body.text);
  }

  decide(id, body) {
    const card = this.approvals.find((one) => one.id === id);
    if (!card) throw new Refusal(404, "approval_not_found", `no approval ${id}`);
    if (card.status === "expired") throw new Refusal(410, "approval_expired", "the time is over");
    if (card.status !== "pending") throw new Refusal(409, "approval_already_decided", `it is ${card.status}`);
    if (card.rule === "forbidden") throw new Refusal(403, "approval_forbidden", "this key has not the scope approve");
    const status = body.yes ? "approved" : "denied";
    this.change(id, { status, decided_by: "owner", decided_at: Date.now() });
    const after = { ...card };
    if (body.yes) {
      setTimeout(() => this.change(id, { status: "executing" }), 150);
      setTimeout(() => this.change(id, { status: "done", executed_at: Date.now(), outcome: { status: "ok", summary: "web is exited" } }), 500);
    }
    return after;
  }

  async api(request, url, respond, response) {
    if (this.key && request.headers.authorization !== `Bearer ${this.key}`) throw new Refusal(401, "invalid_api_key", "a valid API key is needed");
    const path = url.pathname.replace("/v1/jarvis/", "");
    const [area, id, act] = path.split("/").map(decodeURIComponent);
    const body = request.method === "POST" ? JSON.parse((await read(request)) || "{}") : null;
    switch (`${request.method} ${area}${id ? "/:id" : ""}${act ? `/${act}` : ""}`) {
      case "GET events":
        return this.events(request, response);
      case "GET status":
        return respond(200, { version: "0.1.0", started_at: Date.now() - 500_000_000, console: "http://127.0.0.1:7878/", found: data.found() });
      case "GET targets":
        return respond(200, { targets: this.targets });
      case "GET conversations":
        return respond(200, { conversations: [...this.conversations].sort((a, b) => b.updated_at - a.updated_at).slice(0, 50) });
      case "POST conversations":
        return respond(201, this.startConversation(""));
      case "GET conversations/:id/messages": {
        const before = url.searchParams.get("before");
        const all = this.messages.get(id);
        if (!all) throw new Refusal(404, "conversation_not_found", "no such conversation");
        return respond(200, { messages: all.filter((message) => !before || message.id < before).slice(-Number(url.searchParams.get("limit") ?? 50)) });
      }
      case "POST conversations/:id/messages":
        return this.say(id, body, respond);
      case "POST conversations/:id/cancel":
        this.stopped.add(id);
        return respond(202, { stopped: true });
      case "GET approvals":
        return respond(200, { approvals: this.approvals.filter((card) => card.status === url.searchParams.get("status")).reverse() });
      case "GET approvals/:id": {
        const card = this.approvals.find((one) => one.id === id);
        if (!card) throw new Refusal(404, "approval_not_found", `no approval ${id}`);
        return respond(200, card);
      }
      case "POST approvals/:id/again": {
        const old = this.approvals.find((one) => one.id === id);
        if (!old || ["pending", "approved", "executing", "done"].includes(old.status)) throw new Refusal(409, "approval_already_decided", `it is ${old?.status}`);
        const card = { ...data.approval(`M${this.counter += 1}`, Date.now(), old.conversation_id), plan: old.plan, arguments: old.arguments };
        this.ask(card);
        return respond(201, card);
      }
      case "POST approvals/:id":
        return respond(200, this.decide(id, body));
      case "GET audit": {
        const before = Number(url.searchParams.get("before") ?? Infinity);
        return respond(200, { entries: this.entries.filter((entry) => entry.id < before).slice(0, Number(url.searchParams.get("limit") ?? 100)), check: this.check });
      }
      default:
        throw new Refusal(404, "not_found", `no route ${request.method} ${url.pathname}`);
    }
  }

  /** Control from outside the process: `POST /mock/drop`, `/mock/restart`, `/mock/ask`. */
  control(path, respond) {
    if (path === "/mock/drop") this.drop();
    else if (path === "/mock/restart") this.restart();
    else if (path === "/mock/ask") this.ask(data.approval(`M${this.counter += 1}`, Date.now(), this.conversations[0]?.id ?? null));
    else return respond(404, {});
    return respond(200, {});
  }

  async handle(request, response) {
    const url = new URL(request.url, "http://local");
    const respond = (status, body) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    this.requests.push(`${request.method} ${url.pathname}`);
    try {
      if (url.pathname === "/healthz") return respond(200, { status: "ok" });
      if (url.pathname.startsWith("/mock/")) return this.control(url.pathname, respond);
      if (url.pathname.startsWith("/v1/jarvis/")) return await this.api(request, url, respond, response);
      const name = url.pathname === "/" ? "/index.html" : url.pathname;
      const bytes = await readFile(join(DIST, name.replaceAll("..", "")));
      const type = TYPES[extname(name)] ?? "application/octet-stream";
      return response.writeHead(200, { "content-type": type, "content-security-policy": CSP, "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" }).end(bytes);
    } catch (error) {
      const status = error.status ?? (error.code === "ENOENT" ? 404 : 500);
      return respond(status, { error: { message: error.message, type: "invalid_request_error", param: null, code: error.code ?? null } });
    }
  }
}

async function read(request) {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text;
}

/** Starts a stand-in on a free port of this machine. */
export async function start(options = {}) {
  const mock = new Mock(options);
  const server = createServer((request, response) => void mock.handle(request, response));
  await new Promise((done) => server.listen(options.port ?? 0, "127.0.0.1", done));
  const base = `http://127.0.0.1:${server.address().port}`;
  const close = () => {
    mock.drop();
    server.closeAllConnections();
    return new Promise((done) => server.close(done));
  };
  return { base, mock, close };
}
