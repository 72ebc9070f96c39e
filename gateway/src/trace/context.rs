//! Which span something belongs to, as the W3C header `traceparent` carries it between processes.

use std::fmt;

/// A span within a trace. Neither id is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    pub trace_id: u128,
    pub span_id: u64,
}

impl Context {
    /// The beginning of a new trace.
    pub fn root() -> Self {
        Self {
            trace_id: rand::random_range(1..=u128::MAX),
            span_id: rand::random_range(1..=u64::MAX),
        }
    }

    /// A new span within the same trace.
    #[must_use]
    pub fn child(self) -> Self {
        Self {
            span_id: rand::random_range(1..=u64::MAX),
            ..self
        }
    }

    /// Reads `00-<32 hex digits>-<16 hex digits>-<flags>`. `None` for what does not follow the recommendation, whose
    /// trace is then begun anew.
    pub fn parse(traceparent: &str) -> Option<Self> {
        let mut parts = traceparent.trim().split('-');
        let version = hex(parts.next()?, 2)?;
        let trace_id = hex(parts.next()?, 32)?;
        let span_id = u64::try_from(hex(parts.next()?, 16)?).ok()?;
        hex(parts.next()?, 2)?;
        // Later versions may have more parts, version 0 has not.
        let fits = version != 0xff && (version != 0 || parts.next().is_none());
        (fits && trace_id != 0 && span_id != 0).then_some(Self { trace_id, span_id })
    }
}

/// A number of exactly `digits` lower-case hexadecimal digits.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let is_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    (is_hex && text.len() == digits).then(|| u128::from_str_radix(text, 16).ok())?
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-01", self.trace_id, self.span_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_nothing_else() {
        let context = Context::root();
        assert_eq!(Context::parse(&context.to_string()), Some(context));
        assert_eq!(context.child().trace_id, context.trace_id);
        let id = "0af7651916cd43dd8448eb211c80319c";
        let check = |given: String, expect: bool| assert_eq!(Context::parse(&given).is_some(), expect, "{given}");
        check(format!("00-{id}-b7ad6b7169203331-01"), true);
        check(format!("cc-{id}-b7ad6b7169203331-00-what-will-come"), true);
        check(format!("00-{id}-b7ad6b7169203331-01-more"), false);
        check(format!("ff-{id}-b7ad6b7169203331-01"), false);
        check(format!("00-{id}-0000000000000000-01"), false);
        check(format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)), false);
        check(format!("00-{}-b7ad6b7169203331-01", id.to_uppercase()), false);
        check(format!("00-{id}-b7ad6b716920333-01"), false);
        check(String::new(), false);
    }
}
