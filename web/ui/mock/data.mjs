// What the stand-in knows at the start, and the hostile strings that the console must show harmlessly.

const HOUR = 3_600_000;

export const HOSTILE = {
  script: `<script>alert("xss")</script><img src=x onerror="alert(1)"><svg onload=alert(2)>`,
  link: "[click me](javascript:alert(3)) [data](data:text/html,<script>alert(4)</script>) [entity](javascript&#58;alert(5)) ![picture](http://127.0.0.1:9/beacon.png)",
  bidi: "invoice\u202egnp.exe\u202c and \u2066hidden\u2069",
  ansi: "\u001b[31mred\u001b[0m \u001b]8;;http://127.0.0.1:9/\u0007link\u001b]8;;\u0007 bell\u0007 nul\u0000 c1\u009b31m",
};

export function hostileText() {
  return [
    `# ${HOSTILE.script}`, HOSTILE.script, HOSTILE.link, HOSTILE.bidi, HOSTILE.ansi,
    "| a | b |\n|---|---|\n| <iframe src=//127.0.0.1:9></iframe> | \u05e9\u05dc\u05d5\u05dd |",
    "```html\n<script>alert(6)</script>\n```",
    `${"> ".repeat(60)}deep`, `${"- ".repeat(60)}deep list`, `${"*a ".repeat(200)}`,
    "wide".repeat(400),
  ].join("\n\n");
}

export const MARKDOWN = `Three containers run on this machine:

| container | state | memory |
|---|---|--:|
| **web** | up 3 h | 84 MiB |
| plex | up 6 d | 1.2 GiB |
| postgres | up 6 d | 310 MiB |

Two things stand out:

1. \`web\` restarted twice this morning
   - 06:12, out of memory
   - 07:40, by hand
2. no memory limit is set for \`plex\`: see [the manual](https://docs.docker.com/engine/)

\`\`\`sh
docker update --memory 256m web
\`\`\`

> Nothing was changed.`;

export function targets(now) {
  const breaker = { state: "closed", reason: null, open_until: null, forced: null };
  const base = {
    kind: "ollama", aliases: [], reason: null, open_until: null, breakers: { backend: breaker, model: breaker },
    warmth: "unknown", capabilities: null, context: { effective: null, max: null }, size: null, digest: null,
    rates: { prompt: null, answer: null, load: null, per_estimate: null }, version: null, last_probe: null,
  };
  return [
    { ...base, name: "gpu/qwen3:14b", backend: "gpu", model: "qwen3:14b", class: "gpu", aliases: ["jarvis-chat"], state: "closed",
      warmth: "warm", capabilities: ["completion", "tools"], context: { effective: 16_384, max: 40_960 }, rates: { ...base.rates, answer: 41.2 } },
    { ...base, name: "cpu/qwen3:4b", backend: "cpu", model: "qwen3:4b", class: "cpu", state: "open", reason: "3 connects in a row were refused", open_until: now + 75_000 },
    { ...base, name: "cpu/nomic-embed-text", backend: "cpu", model: "nomic-embed-text", class: "cpu", state: "half_open" },
    { ...base, name: "cloud/gpt-5-mini", backend: "cloud", model: "gpt-5-mini", kind: "openai", class: "cloud", state: "hard_down", reason: "401: the key was revoked" },
    { ...base, name: "gpu/llava:13b", backend: "gpu", model: "llava:13b", class: "gpu", state: "missing" },
  ];
}

export function found() {
  return [
    { what: "Docker", ok: true, says: "Engine 20.10.24, 3 containers" },
    { what: "Ollama", ok: true, says: "0.9.2 at 127.0.0.1:11434, 2 models" },
    { what: "Home Assistant", ok: false, says: "no address is set; put home_assistant.url into the config" },
  ];
}

/** `count` pairs of question and answer, oldest first. */
export function history(conversation, count, now, id) {
  return Array.from({ length: count * 2 }, (_, at) => {
    const user = at % 2 === 0;
    const turn = Math.floor(at / 2) + 1;
    return {
      id: id(), conversation_id: conversation, run_id: `run-${conversation}-${turn}`, role: user ? "user" : "assistant",
      text: user ? `Question ${turn}: how is plex?` : `Answer ${turn}: **plex** is running, up ${turn} h.`,
      detail: user ? {} : { target: "gpu/qwen3:14b", tools: [{ call_id: `h${at}`, name: "list_containers", target: null, status: "ok" }], why: "answered" },
      created_at: now - (count * 2 - at) * 60_000 - 20 * HOUR,
    };
  });
}

export function approval(id, now, conversation, changes = {}) {
  return {
    id, tool: "docker_action", arguments: { action: "stop", container: "web" }, effect: "destructive", rule: "destructive",
    plan: { title: "stop container web", says: ["Connections to web are cut at once.", "Nothing else depends on it."], before: "running, up 3 h", after: "exited", undo: "start web" },
    status: "pending", requested_by: "owner", conversation_id: conversation, need: 1, created_at: now, expires_at: now + HOUR / 2,
    decided_by: null, decided_at: null, executed_at: null, outcome: null, ...changes,
  };
}

export function audit(count, now) {
  const kinds = [["tool.outcome", "docker_action", "allow", "ok"], ["decision", "docker_action", "ask", null], ["tool.outcome", "list_containers", "allow", "ok"], ["key.created", null, null, null], ["tool.outcome", "docker_action", "deny", "error"]];
  return Array.from({ length: count }, (_, at) => {
    const id = count - at;
    const [kind, tool, decision, outcome] = kinds[id % kinds.length];
    return {
      id, at: now - at * 300_000, kind, person_id: "owner", via: "console", conversation_id: null, run_id: null, approval_id: null, tool,
      arguments: tool ? { action: "restart", container: "web" } : null, decision, rule: decision ? "reversible" : null, outcome, detail: null,
      prev: String(id - 1).padStart(64, "0"), hash: String(id).padStart(64, "0"),
    };
  });
}
