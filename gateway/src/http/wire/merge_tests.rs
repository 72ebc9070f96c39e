//! The merging of chunks held against the plainest way of doing the same: whole trees of JSON values.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::merge::Merge;

const WHOLE: [&str; 6] = ["id", "type", "role", "name", "object", "finish_reason"];

fn plainly(chunks: &[Value]) -> Value {
    let (mut top, mut choices) = (Map::new(), Vec::new());
    for chunk in chunks {
        for (key, value) in chunk.as_object().unwrap() {
            match (key.as_str(), value) {
                ("choices", Value::Array(new)) => new.iter().for_each(|choice| plainly_indexed(&mut choices, choice)),
                (_, Value::Null) => {}
                ("usage", usage) => drop(top.insert(key.clone(), usage.clone())),
                (_, value) => drop(top.entry(key.clone()).or_insert(value.clone())),
            }
        }
    }
    for choice in &mut choices {
        let fields = choice.as_object_mut().unwrap();
        let mut message = fields.remove("delta").unwrap_or_else(|| json!({}));
        for (key, value) in [
            ("role", json!("assistant")),
            ("content", json!(null)),
            ("refusal", json!(null)),
        ] {
            message.as_object_mut().unwrap().entry(key).or_insert(value);
        }
        for call in message["tool_calls"].as_array_mut().into_iter().flatten() {
            let call = call.as_object_mut().unwrap();
            call.remove("index");
            call.entry("type").or_insert_with(|| "function".into());
        }
        // Looking it up by index made it a field.
        message
            .as_object_mut()
            .unwrap()
            .retain(|key, value| key != "tool_calls" || !value.is_null());
        fields.insert("message".into(), message);
        fields.entry("logprobs").or_insert(Value::Null);
    }
    top.insert("object".into(), "chat.completion".into());
    top.insert("choices".into(), choices.into());
    Value::Object(top)
}

fn plainly_indexed(list: &mut Vec<Value>, new: &Value) {
    match list.iter_mut().find(|known| known["index"] == new["index"]) {
        Some(known) => plainly_merged(known, "", new),
        None => list.push(new.clone()),
    }
}

fn plainly_merged(known: &mut Value, key: &str, new: &Value) {
    match (known, new) {
        (_, Value::Null) => {}
        (Value::String(known), Value::String(new)) if WHOLE.contains(&key) => {
            if known.is_empty() {
                known.clone_from(new);
            }
        }
        (Value::String(known), Value::String(new)) => known.push_str(new),
        (Value::Object(known), Value::Object(new)) => {
            for (key, value) in new {
                match known.get_mut(key) {
                    Some(known) => plainly_merged(known, key, value),
                    None => drop(known.insert(key.clone(), value.clone())),
                }
            }
        }
        (Value::Array(known), Value::Array(new)) => {
            for element in new {
                if element.get("index").is_some() {
                    plainly_indexed(known, element);
                } else {
                    known.push(element.clone());
                }
            }
        }
        (known, new) => *known = new.clone(),
    }
}

fn merged(chunks: &[Value]) -> Value {
    let mut merge = Merge::default();
    for chunk in chunks {
        merge.push(chunk.to_string().as_bytes()).unwrap();
    }
    serde_json::from_slice(&merge.finish()).unwrap()
}

fn text() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => "[a-zé \\\\\"\n東]{0,5}".prop_map(Value::from),
        1 => Just(Value::Null),
    ]
}

fn delta() -> impl Strategy<Value = Value> {
    let call = (0..2_u32, any::<bool>(), text()).prop_map(|(index, first, arguments)| {
        let mut call = json!({"index": index, "function": {"arguments": arguments}});
        if first {
            call["id"] = format!("call{index}").into();
            call["function"]["name"] = "f".into();
        }
        json!({"tool_calls": [call]})
    });
    prop_oneof![
        8 => text().prop_map(|text| json!({"content": text})),
        1 => text().prop_map(|text| json!({"role": "assistant", "content": text, "refusal": null})),
        1 => text().prop_map(|text| json!({"reasoning_content": text})),
        1 => (text(), text()).prop_map(|(text, odd)| json!({"content": text, "odd": odd, "list": [odd]})),
        1 => call,
        1 => Just(json!({})),
    ]
}

fn chunk() -> impl Strategy<Value = Value> {
    let end = prop_oneof![6 => Just(json!(null)), 1 => Just(json!("stop"))];
    let more = prop_oneof![
        8 => Just(Value::Null),
        1 => any::<u8>().prop_map(|tokens| json!({"total_tokens": tokens})),
    ];
    let envelope = prop_oneof![8 => Just("a"), 1 => Just("b")];
    (0..2_u32, delta(), end, more, envelope).prop_map(|(index, delta, end, usage, id)| {
        json!({"id": id, "object": "chat.completion.chunk", "created": 1.5, "x_odd": {"kept": [id]},
               "choices": [{"index": index, "delta": delta, "finish_reason": end}], "usage": usage})
    })
}

proptest! {
    #[test]
    fn merging_is_what_the_plain_way_does(chunks in proptest::collection::vec(chunk(), 0..12)) {
        prop_assert_eq!(merged(&chunks), plainly(&chunks));
    }

    /// Many chunks that are alike, so that patterns are followed, left and found again.
    #[test]
    fn texts_are_joined_in_their_order(texts in proptest::collection::vec("[a-z\\\\\"é ]{0,4}", 1..30), ids in 1..3_usize) {
        let chunks: Vec<Value> = texts.iter().enumerate().map(|(at, text)| {
            json!({"id": "a", "created": at / 7, "choices": [{"index": at % ids, "delta": {"content": text}}]})
        }).collect();
        let whole = merged(&chunks);
        prop_assert_eq!(&whole, &plainly(&chunks));
        let all: String = texts.iter().step_by(ids).map(String::as_str).collect();
        prop_assert_eq!(&whole["choices"][0]["message"]["content"], &Value::from(all));
    }
}
