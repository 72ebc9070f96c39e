#!/usr/bin/env python3
"""Make a tiny, self-made GGUF chat model (no downloaded weights) that a real llama.cpp server can serve.

    pip install gguf numpy
    python make_tiny_model.py OUT.gguf [--text CORPUS.txt]

It is a 2-layer `llama` model whose residual stream is (almost) the one-hot of the last token, and whose
output matrix is log P(next | last) of a smoothed bigram model counted from a small text. So it prints
English-looking words, ends by itself, depends (weakly) on the prompt through small random attention,
and closes JSON strings quickly when a grammar constrains it (tools, json_schema). Two hand-made attention
heads look for <tools> and <tool_response> in the context: with tools offered and no result yet it opens a
<tool_call> (about 9 times in 10), after a result it answers in words. So an agent loop against it ends.
Byte-level BPE vocabulary ("gpt2" pre-tokenizer), ChatML special tokens, Qwen2.5/Hermes tool template.
"""

import argparse, collections, re, sys
import numpy as np, gguf

DEFAULT_TEXT = """
I am a small test model. I can say hello and tell you about the weather, the server and the time.
The server is running and the container is healthy. The server is slow today but the disk is fine.
Hello, how are you today? I am fine, thank you. What can I do for you?
You can ask me to restart the server, to show the logs, or to make an image of a cat.
The weather in the city is sunny and warm. It is raining in the north and the wind is strong.
I will check the status of the service and tell you what I find. The service is up and the logs are clean.
Please tell me the name of the container. I need the name before I can restart it.
"""

TEMPLATE = r"""{%- if tools %}
{{- '<|im_start|>system\n' }}
{%- if messages[0]['role'] == 'system' %}{{- messages[0]['content'] }}{%- else %}{{- 'You are a helpful assistant.' }}{%- endif %}
{{- "\n\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are provided with function signatures within <tools></tools> XML tags:\n<tools>" }}
{%- for tool in tools %}{{- "\n" }}{{- tool | tojson }}{%- endfor %}
{{- "\n</tools>\n\nFor each function call, return a json object with function name and arguments within <tool_call></tool_call> XML tags:\n<tool_call>\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call><|im_end|>\n" }}
{%- else %}
{%- if messages[0]['role'] == 'system' %}{{- '<|im_start|>system\n' + messages[0]['content'] + '<|im_end|>\n' }}{%- endif %}
{%- endif %}
{%- for message in messages %}
{%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
{{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + '\n' }}
{%- elif message.role == "assistant" %}
{{- '<|im_start|>' + message.role }}
{%- if message.content %}{{- '\n' + message.content }}{%- endif %}
{%- for tool_call in message.tool_calls %}
{%- if tool_call.function is defined %}{%- set tool_call = tool_call.function %}{%- endif %}
{{- '\n<tool_call>\n{"name": "' }}{{- tool_call.name }}{{- '", "arguments": ' }}{{- tool_call.arguments | tojson }}{{- '}\n</tool_call>' }}
{%- endfor %}
{{- '<|im_end|>\n' }}
{%- elif message.role == "tool" %}
{%- if (loop.index0 == 0) or (messages[loop.index0 - 1].role != "tool") %}{{- '<|im_start|>user' }}{%- endif %}
{{- '\n<tool_response>\n' }}{{- message.content }}{{- '\n</tool_response>' }}
{%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}{{- '<|im_end|>\n' }}{%- endif %}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}
"""


def byte_to_unicode():
    bs = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    cs = bs[:]
    n = 0
    for b in range(256):
        if b not in bs:
            bs.append(b)
            cs.append(256 + n)
            n += 1
    return dict(zip(bs, map(chr, cs)))


B2U = byte_to_unicode()
enc = lambda s: "".join(B2U[b] for b in s.encode())


def train_bpe(text, n_merges):
    words = collections.Counter(re.findall(r" ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+", text))
    seqs = {w: list(enc(w)) for w in words}
    merges = []
    for _ in range(n_merges):
        pairs = collections.Counter()
        for w, c in words.items():
            s = seqs[w]
            for a, b in zip(s, s[1:]):
                pairs[a, b] += c
        if not pairs:
            break
        (a, b), c = max(pairs.items(), key=lambda kv: (kv[1], kv[0]))
        if c < 2:
            break
        merges.append((a, b))
        for w, s in seqs.items():
            i, o = 0, []
            while i < len(s):
                if i + 1 < len(s) and (s[i], s[i + 1]) == (a, b):
                    o.append(a + b)
                    i += 2
                else:
                    o.append(s[i])
                    i += 1
            seqs[w] = o
    return merges, seqs, words


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("out")
    ap.add_argument("--text")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--ctx", type=int, default=8192)
    ap.add_argument("--merges", type=int, default=600)
    ap.add_argument("--noise", type=float, default=0.002)
    ap.add_argument("--tool-boost", type=float, default=22.0)
    ap.add_argument("--mean-len", type=float, default=40)
    a = ap.parse_args()
    rng = np.random.default_rng(a.seed)
    text = open(a.text, encoding="utf-8").read() if a.text else DEFAULT_TEXT
    merges, seqs, _ = train_bpe(text, a.merges)
    toks = [B2U[b] for b in range(256)]
    for x, y in merges:
        if x + y not in toks:
            toks.append(x + y)
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    added = ["<tool_call>", "</tool_call>", "<tools>", "<tool_response>"]
    base = len(toks)
    toks += specials + added
    V = len(toks)
    idx = {t: i for i, t in enumerate(toks)}
    EOT, IMS, IME = (idx[s] for s in specials)
    # bigram counts over the tokenised text
    P = np.full((V, V), 1e-9)
    nl = idx[B2U[10]]
    prev = nl
    for line in text.strip().splitlines():
        prev = nl
        for w in re.findall(r" ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+", line):
            for t in seqs.get(w) or list(enc(w)):
                P[prev, idx[t]] += 1
                prev = idx[t]
        P[prev, IME] += 1
    ascii_ids = [idx[B2U[b]] for b in range(32, 127)]
    words = [i for i in range(256, base)]
    P[:, words] += 2e-3
    P[:, ascii_ids] += 1e-4  # never stuck, also under a grammar
    P /= P.sum(1, keepdims=True)
    stop = 1.0 / a.mean_len
    P *= 1 - stop - 0.03
    P[:, IME] += stop
    P[:, idx['"']] += 0.05
    P[:, idx["}"]] += 0.01
    P[IMS, IME] = 1e-9
    P[nl, IME] = 1e-6  # never an empty answer
    P[:, [EOT, IMS, *(idx[t] for t in added)]] = 1e-14  # never prints these, but see the heads
    P[idx["}"], :256] = 1e-9
    P[idx["}"], 256:] = 1e-14
    P[idx["}"], idx["}"]] = 0.5
    P[idx["}"], nl] = 0.4
    P[idx["}"], IME] = 0.1
    P[nl, idx["</tool_call>"]] = 1e-3
    P[nl, idx[","]] = 1e-9
    P[idx["</tool_call>"]] = 1e-14
    P[idx["</tool_call>"], IME] = 1
    P[nl, idx["<tool_call>"]] = 1e-6
    P[idx["<tool_call>"]] = 1e-14
    P[idx["<tool_call>"], nl] = 1  # the server's grammar triggers on "<tool_call>\n"
    P /= P.sum(1, keepdims=True)
    D = ((V + 8 + 63) // 64) * 64
    heads = D // 64
    F = 64
    cst, f1, f2, o1, o2 = range(V, V + 5)  # constant, "is <tools>", "is <tool_response>", and what the heads found
    emb = np.zeros((V, D), np.float32)
    emb[np.arange(V), np.arange(V)] = 1
    emb[:, cst] = 1
    emb[idx["<tools>"], f1] = 1
    emb[idx["<tool_response>"], f2] = 1
    rms = np.sqrt(D / 2)
    G = 0.2  # scale of a normal token after RMSNorm; size of a found feature
    out = np.zeros((V, D), np.float32)
    out[:, :V] = np.log(P).T / rms
    out[idx["<tool_call>"], o1] = a.tool_boost / (G * rms)
    out[idx["<tool_call>"], o2] = -1.5 * a.tool_boost / (G * rms)
    w = gguf.GGUFWriter(a.out, "llama")
    w.add_name("jarvis-tiny-bigram")
    w.add_context_length(a.ctx)
    w.add_embedding_length(D)
    w.add_block_count(2)
    w.add_feed_forward_length(F)
    w.add_head_count(heads)
    w.add_head_count_kv(heads)
    w.add_layer_norm_rms_eps(1e-6)
    w.add_rope_dimension_count(64)
    w.add_rope_freq_base(1e8)
    w.add_vocab_size(V)
    w.add_file_type(0)
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("gpt-2")
    w.add_token_list(toks)
    T = gguf.TokenType
    w.add_token_types([T.NORMAL] * base + [T.CONTROL] * 3 + [T.USER_DEFINED] * 4)
    w.add_token_merges([f"{x} {y}" for x, y in merges])
    w.add_bos_token_id(EOT)
    w.add_eos_token_id(IME)
    w.add_pad_token_id(EOT)
    w.add_add_bos_token(False)
    w.add_chat_template(TEMPLATE)
    w.add_tensor("token_embd.weight", emb)
    w.add_tensor("output_norm.weight", np.ones(D, np.float32))
    w.add_tensor("output.weight", out)
    g = lambda o, i, s: (rng.standard_normal((o, i)) * s).astype(np.float32)
    for l in range(2):
        b = f"blk.{l}."
        w.add_tensor(b + "attn_norm.weight", np.ones(D, np.float32))
        w.add_tensor(b + "ffn_norm.weight", np.ones(D, np.float32))
        q, k, v, o = (
            g(D, D, 1 / np.sqrt(D)),
            g(D, D, 1 / np.sqrt(D)),
            g(D, D, 1 / np.sqrt(D)),
            g(D, D, a.noise / np.sqrt(D)),
        )
        o[V:, :] = 0
        o[:, :128] = 0
        q[:128] = 0
        k[:128] = 0
        v[:128] = 0  # heads 0 and 1 are ours
        if l == 0:
            for h, (f, dst) in enumerate(((f1, o1), (f2, o2))):
                r = 64 * h + 62
                q[r, cst] = 1.2
                k[r, f] = 1.2
                v[64 * h, f] = 1
                o[dst, 64 * h] = G / np.sqrt(D / 3)
        for n, m in (("attn_q", q), ("attn_k", k), ("attn_v", v), ("attn_output", o)):
            w.add_tensor(b + n + ".weight", m.astype(np.float32))
        w.add_tensor(b + "ffn_gate.weight", g(F, D, 1 / np.sqrt(D)))
        w.add_tensor(b + "ffn_up.weight", g(F, D, 1 / np.sqrt(D)))
        fd = g(D, F, a.noise / np.sqrt(F))
        fd[V:] = 0
        w.add_tensor(b + "ffn_down.weight", fd)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    print(f"{a.out}: vocab {V}, n_embd {D}, heads {heads}, merges {len(merges)}")


main()
