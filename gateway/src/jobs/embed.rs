//! Texts to vectors.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::provider::{Class, Error};

/// Characters per token, roughly, for estimating how long reading takes.
const CHARS_PER_TOKEN: usize = 4;

/// Inputs that become one vector each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embed {
    pub inputs: Inputs,
    /// How many numbers a vector shall have, for models that can be cut; without it, as many as the model makes.
    pub dimensions: Option<u32>,
    /// Lets the server drop what does not fit its context. Without it such an input is an error.
    pub truncate: bool,
    /// How the vectors are written in `original`'s answer.
    pub encoding: Encoding,
    /// The body as it came over OpenAI's API, so that fields which are unknown here reach a server of that protocol.
    pub original: Option<Bytes>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inputs {
    Texts(Vec<String>),
    /// Lists of token numbers, which mean something to one tokenizer only.
    Tokens(Vec<Vec<u32>>),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Encoding {
    #[default]
    Float,
    /// Base64 of 32-bit little-endian floats.
    Base64,
}

/// The vectors of one answer, all of one length, every number finite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Embedded {
    pub vectors: Vectors,
    /// Numbers per vector.
    pub dimensions: usize,
    /// Tokens that were read, where the server says so.
    pub tokens: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Vectors {
    /// The body of the server, which speaks the protocol that the request came in by.
    Wire(#[serde(with = "crate::text_bytes")] Bytes),
    Numbers(Vec<Vec<f32>>),
}

impl Embedded {
    /// Makes sure that the vectors are some: of one length, that of `wanted` when there is one, and finite.
    pub fn checked(rows: Vec<Vec<f32>>, wanted: Option<u32>, tokens: Option<u64>) -> Result<Self, Error> {
        let unusable = |message: &str| Err(Error::new(Class::Decode, message));
        let dimensions = rows.first().map_or(0, Vec::len);
        if dimensions == 0 {
            return unusable("answered with empty vectors");
        }
        if rows.iter().any(|row| row.len() != dimensions) {
            return unusable("answered with vectors of different lengths");
        }
        if rows.iter().flatten().any(|number| !number.is_finite()) {
            return unusable("answered with numbers that are none (NaN or infinite)");
        }
        if let Some(wanted) = wanted
            && u32::try_from(dimensions) != Ok(wanted)
        {
            return Err(Error::new(
                Class::Capability,
                format!(
                    "does not cut vectors: it answered with {dimensions} numbers where `dimensions` asks for {wanted}"
                ),
            ));
        }
        Ok(Self {
            vectors: Vectors::Numbers(rows),
            dimensions,
            tokens,
        })
    }
}

impl Inputs {
    pub fn len(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.len(),
            Self::Tokens(lists) => lists.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// About how many tokens all of them have.
    pub fn estimated_tokens(&self) -> u32 {
        let tokens = match self {
            Self::Texts(texts) => texts.iter().map(|text| text.len().div_ceil(CHARS_PER_TOKEN)).sum(),
            Self::Tokens(lists) => lists.iter().map(Vec::len).sum::<usize>(),
        };
        u32::try_from(tokens).unwrap_or(u32::MAX)
    }

    /// The places of the inputs, the longest first.
    pub fn by_length(&self) -> Vec<usize> {
        let length = |at: usize| match self {
            Self::Texts(texts) => texts.get(at).map_or(0, String::len),
            Self::Tokens(lists) => lists.get(at).map_or(0, Vec::len),
        };
        let mut places: Vec<usize> = (0..self.len()).collect();
        places.sort_by_key(|at| std::cmp::Reverse(length(*at)));
        places
    }
}
