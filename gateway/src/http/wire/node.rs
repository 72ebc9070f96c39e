//! JSON as it is read of a chunk: like `serde_json::Value`, but texts are borrowed and fields are a list, because a chunk
//! has a dozen of them and is thrown away at once.

use std::borrow::Cow;

use crate::upstream::{NotJson, Scanner, plain};

/// Fields are looked for one after the other, which must not take for ever.
const MOST_FIELDS: usize = 256;
/// Nesting beyond this is refused.
const DEEPEST: u32 = 128;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node<'a> {
    /// Null, a boolean or a number as it is written, or whatever else is not looked into.
    Leaf(Cow<'a, str>),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Object(Fields<'a>),
}

/// Words that are in nearly every chunk. They are kept without being copied.
const COMMON: [&str; 17] = [
    "id",
    "object",
    "created",
    "model",
    "usage",
    "system_fingerprint",
    "service_tier",
    "index",
    "delta",
    "logprobs",
    "finish_reason",
    "role",
    "content",
    "refusal",
    "null",
    "assistant",
    "stop",
];

/// The same text for as long as it is needed.
pub(super) fn lasting(text: Cow<'_, str>) -> Cow<'static, str> {
    match COMMON.iter().find(|common| **common == text) {
        Some(common) => Cow::Borrowed(common),
        None => Cow::Owned(text.into_owned()),
    }
}

/// The fields of an object in their order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Fields<'a>(pub(super) Vec<(Cow<'a, str>, Node<'a>)>);

impl<'a> Node<'a> {
    pub(super) const NULL: Self = Self::Leaf(Cow::Borrowed("null"));

    pub(super) fn text(text: &'a str) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Leaf(value) if value == "null")
    }

    pub(super) fn field(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => fields.get(name),
            Self::Leaf(_) | Self::Text(_) | Self::List(_) => None,
        }
    }

    pub(super) fn into_owned(self) -> Node<'static> {
        match self {
            Self::Leaf(value) => Node::Leaf(lasting(value)),
            Self::Text(text) => Node::Text(lasting(text)),
            Self::List(nodes) => Node::List(nodes.into_iter().map(Node::into_owned).collect()),
            Self::Object(fields) => Node::Object(fields.into_owned()),
        }
    }

    /// Bytes of all texts in it.
    pub(super) fn text_length(&self) -> usize {
        match self {
            Self::Leaf(_) => 0,
            Self::Text(text) => text.len(),
            Self::List(nodes) => nodes.iter().map(Self::text_length).sum(),
            Self::Object(fields) => fields.0.iter().map(|(_, node)| node.text_length()).sum(),
        }
    }
}

impl<'a> Fields<'a> {
    pub(super) fn get(&self, name: &str) -> Option<&Node<'a>> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, node)| node)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Node<'a>> {
        self.0.iter_mut().find(|(key, _)| key == name).map(|(_, node)| node)
    }

    /// Puts `node` in the place of the field of that name, or at the end.
    pub(super) fn set(&mut self, name: &'static str, node: Node<'a>) {
        match self.get_mut(name) {
            Some(known) => *known = node,
            None => self.0.push((name.into(), node)),
        }
    }

    pub(super) fn or_set(&mut self, name: &'static str, node: Node<'a>) {
        if self.get(name).is_none() {
            self.0.push((name.into(), node));
        }
    }

    pub(super) fn remove(&mut self, name: &str) -> Option<Node<'a>> {
        let at = self.0.iter().position(|(key, _)| key == name)?;
        Some(self.0.remove(at).1)
    }

    pub(super) fn into_owned(self) -> Fields<'static> {
        let owned = |(key, node): (Cow<'a, str>, Node<'a>)| (lasting(key), node.into_owned());
        Fields(self.0.into_iter().map(owned).collect())
    }
}

impl<'a> Node<'a> {
    pub(super) fn read(scanner: &mut Scanner<'a>) -> Result<Self, NotJson> {
        read(scanner, 0)
    }
}

impl Fields<'static> {
    /// Adds a value as it is written.
    pub(super) fn add(&mut self, key: &str, json: &str) -> Result<(), NotJson> {
        if self.0.len() == MOST_FIELDS {
            return Err(NotJson);
        }
        self.0.push((lasting(key.into()), Node::Leaf(lasting(json.into()))));
        Ok(())
    }
}

fn read_fields<'a>(scanner: &mut Scanner<'a>, depth: u32) -> Result<Fields<'a>, NotJson> {
    let mut fields = Fields(Vec::with_capacity(8));
    let mut object = scanner.object()?;
    while let Some(key) = scanner.key(&mut object)? {
        let node = read(scanner, depth + 1)?;
        // Of a field that is there twice the last one counts, as everywhere.
        if let Some(known) = fields.get_mut(&key) {
            *known = node;
        } else if fields.0.len() < MOST_FIELDS {
            fields.0.push((key, node));
        } else {
            return Err(NotJson);
        }
    }
    Ok(fields)
}

fn read<'a>(scanner: &mut Scanner<'a>, depth: u32) -> Result<Node<'a>, NotJson> {
    if depth >= DEEPEST {
        return Err(NotJson);
    }
    Ok(match scanner.peek() {
        Some(b'{') => Node::Object(read_fields(scanner, depth)?),
        Some(b'[') => {
            let (mut list, mut nodes) = (scanner.list()?, Vec::new());
            while scanner.element(&mut list)? {
                nodes.push(read(scanner, depth + 1)?);
            }
            Node::List(nodes)
        }
        Some(b'"') => Node::Text(scanner.string()?),
        _ => Node::Leaf(scanner.value()?.into()),
    })
}

impl Node<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Leaf(value) => out.extend_from_slice(value.as_bytes()),
            Self::Text(text) => write_text(text, out),
            Self::List(nodes) => {
                out.push(b'[');
                for (at, node) in nodes.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    node.write(out);
                }
                out.push(b']');
            }
            Self::Object(fields) => fields.write(out),
        }
    }
}

impl Fields<'_> {
    /// Writes the object as JSON.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (at, (key, node)) in self.0.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            write_text(key, out);
            out.push(b':');
            node.write(out);
        }
        out.push(b'}');
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    if plain(text.as_bytes()) < text.len() {
        // Writing text into memory cannot fail.
        drop(serde_json::to_writer(out, text));
        return;
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}
