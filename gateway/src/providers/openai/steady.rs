use bytes::Bytes;

use super::chunk::{Chunk, IDENTITY};

/// Keeps `id`, `created` and `model` of forwarded chunks what they were at first: OpenAI promises it, and there are servers
/// that write the time anew with every chunk.
#[derive(Debug, Default)]
pub(super) struct Steady {
    first: [Option<Box<str>>; IDENTITY.len()],
}

impl Steady {
    /// The chunk with the values of the first one, or `None` when it has them. What says nothing yet (Azure begins with a
    /// chunk about its filters, without an id) is not what the others follow.
    pub(super) fn mended(&mut self, data: &Bytes, chunk: &Chunk<'_>) -> Option<Bytes> {
        let mut others = Vec::new();
        for (first, value) in self.first.iter_mut().zip(chunk.identity) {
            let Some(value) = value else { continue };
            match first {
                Some(first) if **first == *value => {}
                Some(first) => others.push((value, &**first)),
                None if matches!(value, "null" | "0" | "\"\"") => {}
                None => *first = Some(value.into()),
            }
        }
        if others.is_empty() {
            return None;
        }
        // In the order in which the chunk has them.
        others.sort_unstable_by_key(|(value, _)| value.as_ptr().addr());
        let (mut whole, mut from) = (Vec::with_capacity(data.len() + 64), 0);
        for (value, first) in others {
            let at = value.as_ptr().addr().checked_sub(data.as_ptr().addr())?;
            whole.extend_from_slice(data.get(from..at)?);
            whole.extend_from_slice(first.as_bytes());
            from = at + value.len();
        }
        whole.extend_from_slice(data.get(from..)?);
        Some(whole.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_values_stay() {
        let check = |given: &[&str], expect: &[&str]| {
            let mut steady = Steady::default();
            let seen = given.iter().map(|chunk| {
                let data = Bytes::copy_from_slice(chunk.as_bytes());
                let read = Chunk::read(std::str::from_utf8(&data).unwrap()).unwrap();
                steady.mended(&data, &read).unwrap_or(data.clone())
            });
            assert_eq!(seen.collect::<Vec<_>>(), expect, "{given:?}");
        };
        let same = [r#"{"id":"a","created":1,"model":"m"}"#; 2];
        check(&same, &same);
        check(
            &[
                r#"{"id":"a","created":1,"model":"m","choices":[]}"#,
                r#"{ "model" : "n", "x":[1, {"id":"b"}], "created":2.0,"id":"longer" }"#,
                r#"{"choices":[],"created":null,"id":""}"#,
            ],
            &[
                r#"{"id":"a","created":1,"model":"m","choices":[]}"#,
                r#"{ "model" : "m", "x":[1, {"id":"b"}], "created":1,"id":"a" }"#,
                r#"{"choices":[],"created":1,"id":"a"}"#,
            ],
        );
        check(
            &[
                r#"{"id":"","created":0,"model":""}"#,
                r#"{"id":"a","created":1,"model":"m"}"#,
                "{}",
            ],
            &[
                r#"{"id":"","created":0,"model":""}"#,
                r#"{"id":"a","created":1,"model":"m"}"#,
                "{}",
            ],
        );
    }
}
