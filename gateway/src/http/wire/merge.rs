//! Streamed chunks of a server of the same protocol, put together into one completion. It works on the JSON as it is, so
//! that fields unknown to us survive.

use std::borrow::Cow;

use super::node::{Fields, Node, lasting};
use crate::upstream::{NotJson, Pattern, Scanner};

/// No answer is gathered beyond this, in bytes of text.
const MOST_TEXT: usize = 4 * 1024 * 1024;
/// What the chunks may weigh with their envelopes, which are much longer than what is in them.
const MOST_BYTES: usize = 16 * MOST_TEXT;
/// Text fields that are said once, or repeated, and never come in pieces.
const WHOLE: [&str; 6] = ["id", "type", "role", "name", "object", "finish_reason"];

/// Gathers chunks.
#[derive(Default)]
pub(in crate::http) struct Merge {
    top: Fields<'static>,
    choices: Vec<Node<'static>>,
    text: usize,
    bytes: usize,
    /// Of chunks that add nothing but text, and the place of the choice that they continue.
    pattern: Option<(Pattern, usize)>,
}

/// The answer is too long to be gathered, or a chunk is no JSON object.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::http) struct NotMergeable(pub(in crate::http) &'static str);

impl Merge {
    pub(in crate::http) fn push(&mut self, chunk: &[u8]) -> Result<(), NotMergeable> {
        self.bytes = self.bytes.saturating_add(chunk.len());
        if !self.push_text(chunk) {
            self.push_fields(chunk)?;
        }
        if self.text > MOST_TEXT || self.bytes > MOST_BYTES {
            return Err(NotMergeable("the answer is longer than 4 MiB; ask for it as a stream"));
        }
        Ok(())
    }

    /// The completion as JSON.
    pub(in crate::http) fn finish(mut self) -> Vec<u8> {
        self.top.set("object", Node::text("chat.completion"));
        let choices = self.choices.into_iter().map(finished_choice).collect();
        self.top.set("choices", Node::List(choices));
        let mut json = Vec::with_capacity(self.text + 1024);
        self.top.write(&mut json);
        json
    }

    /// Whether `chunk` follows the pattern, so that appending its text was all there was to do.
    fn push_text(&mut self, chunk: &[u8]) -> bool {
        let Some((pattern, at)) = &self.pattern else {
            return false;
        };
        let known = self.choices.get_mut(*at).and_then(content_of);
        let (Some(text), Some(known)) = (pattern.text(chunk), known) else {
            return false;
        };
        self.text += text.len();
        known.to_mut().push_str(text);
        true
    }

    fn push_fields(&mut self, chunk: &[u8]) -> Result<(), NotMergeable> {
        let read = std::str::from_utf8(chunk).map(|json| self.read(chunk, json));
        match read {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(NotMergeable("the model server sent something that is not a chunk")),
        }
    }

    /// The fields around the choices are kept as they are written, and known ones are passed over.
    fn read(&mut self, chunk: &[u8], json: &str) -> Result<(), NotJson> {
        let mut scanner = Scanner::new(json);
        let mut object = scanner.object()?;
        while let Some(key) = scanner.key(&mut object)? {
            if key == "choices" && scanner.peek() == Some(b'[') {
                self.read_choices(chunk, &mut scanner)?;
                continue;
            }
            let value = scanner.value()?;
            match self.top.get_mut(&key) {
                _ if value == "null" => {}
                Some(usage) if key == "usage" => *usage = Node::Leaf(value.to_owned().into()),
                Some(_) => {}
                None => self.top.add(&key, value)?,
            }
        }
        scanner.end()
    }

    fn read_choices(&mut self, chunk: &[u8], scanner: &mut Scanner<'_>) -> Result<(), NotJson> {
        let (mut list, mut count) = (scanner.list()?, 0);
        while scanner.element(&mut list)? {
            let choice = Node::read(scanner)?;
            let pattern = only_text(&choice).and_then(|text| Pattern::new(chunk, text));
            let continued = merge_indexed(&mut self.choices, choice, &mut self.text);
            count += 1;
            // With two choices in a chunk, one text is not all that differs.
            if count > 1 {
                self.pattern = None;
            } else if let Some(pattern) = pattern {
                self.pattern = Some((pattern, continued));
            }
        }
        Ok(())
    }
}

/// The text of a choice that adds nothing else: merging it once more would change nothing but the text.
fn only_text<'n>(choice: &'n Node<'_>) -> Option<&'n str> {
    let Node::Object(choice) = choice else {
        return None;
    };
    let Some(Node::Object(delta)) = choice.get("delta") else {
        return None;
    };
    let repeats = |(key, node): &(Cow<'_, str>, Node<'_>)| match node {
        Node::Leaf(_) => true,
        Node::Text(_) => WHOLE.contains(&&**key),
        Node::List(_) | Node::Object(_) => false,
    };
    let alike = choice.0.iter().all(|field| field.0 == "delta" || repeats(field))
        && delta.0.iter().all(|field| field.0 == "content" || repeats(field));
    match delta.get("content") {
        Some(Node::Text(Cow::Borrowed(text))) if alike => Some(text),
        _ => None,
    }
}

fn content_of<'n>(choice: &'n mut Node<'static>) -> Option<&'n mut Cow<'static, str>> {
    let Node::Object(choice) = choice else {
        return None;
    };
    let Some(Node::Object(delta)) = choice.get_mut("delta") else {
        return None;
    };
    match delta.get_mut("content") {
        Some(Node::Text(text)) => Some(text),
        _ => None,
    }
}

fn finished_choice(choice: Node<'static>) -> Node<'static> {
    let Node::Object(mut fields) = choice else {
        return choice;
    };
    let mut message = fields.remove("delta").unwrap_or(Node::Object(Fields::default()));
    if let Node::Object(message) = &mut message {
        message.or_set("role", Node::text("assistant"));
        message.or_set("content", Node::NULL);
        message.or_set("refusal", Node::NULL);
        if let Some(Node::List(calls)) = message.get_mut("tool_calls") {
            for call in calls {
                if let Node::Object(call) = call {
                    call.remove("index");
                    call.or_set("type", Node::text("function"));
                }
            }
        }
    }
    fields.set("message", message);
    fields.or_set("logprobs", Node::NULL);
    Node::Object(fields)
}

/// Adds an element that says by `index` which one it continues, and tells the place of that one.
fn merge_indexed(list: &mut Vec<Node<'static>>, element: Node<'_>, text: &mut usize) -> usize {
    let index = index_of(&element);
    let known = list.iter().position(|known| index_of(known) == index);
    let at = known.unwrap_or(list.len());
    if let Some(known) = list.get_mut(at) {
        merge(known, "", element, text);
    } else {
        *text += element.text_length();
        list.push(element.into_owned());
    }
    at
}

/// Elements that say none, or null, are one.
fn index_of<'n>(element: &'n Node<'_>) -> Option<&'n Node<'n>> {
    element.field("index").filter(|index| !index.is_null())
}

fn merge(known: &mut Node<'static>, key: &str, new: Node<'_>, text: &mut usize) {
    match (known, new) {
        (_, new) if new.is_null() => {}
        (Node::Text(known), Node::Text(new)) if WHOLE.contains(&key) => {
            if known.is_empty() {
                *known = lasting(new);
            }
        }
        (Node::Text(known), Node::Text(new)) => {
            *text += new.len();
            known.to_mut().push_str(&new);
        }
        (Node::Object(known), Node::Object(new)) => {
            for (key, node) in new.0 {
                if let Some(known) = known.get_mut(&key) {
                    merge(known, &key, node, text);
                } else {
                    *text += node.text_length();
                    known.0.push((lasting(key), node.into_owned()));
                }
            }
        }
        (Node::List(known), Node::List(new)) => {
            for element in new {
                if element.field("index").is_some() {
                    merge_indexed(known, element, text);
                } else {
                    *text += element.text_length();
                    known.push(element.into_owned());
                }
            }
        }
        (known, new) => {
            *text += new.text_length();
            *known = new.into_owned();
        }
    }
}
