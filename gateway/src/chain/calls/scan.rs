//! Whether a piece of JSON is whole, found out while it comes.

/// Counts brackets and looks out for strings. It does not check that what is in between is JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Scan {
    depth: u32,
    in_string: bool,
    is_escaped: bool,
    has_begun: bool,
}

impl Scan {
    pub(super) fn push(&mut self, text: &str) {
        for byte in text.bytes() {
            self.has_begun |= !byte.is_ascii_whitespace();
            if self.in_string {
                let ends = byte == b'"' && !self.is_escaped;
                self.in_string = !ends;
                self.is_escaped = byte == b'\\' && !self.is_escaped;
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth = self.depth.saturating_add(1),
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    /// Something came, and nothing is open.
    pub(super) fn is_whole(self) -> bool {
        self.has_begun && self.depth == 0 && !self.in_string
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_whole_when_everything_is_closed() {
        let check = |pieces: &[&str], expect: bool| {
            let mut scan = Scan::default();
            for piece in pieces {
                scan.push(piece);
            }
            assert_eq!(scan.is_whole(), expect, "given {pieces:?}");
        };
        check(&[], false);
        check(&[" "], false);
        check(&["{}"], true);
        check(&["{\"a\"", ":[1", "]}"], true);
        check(&["{\"a\":[1]"], false);
        check(&["{\"a\":\"}"], false);
        check(&["{\"a\":\"}\\", "\"\"}"], true);
        check(&["{\"a\":\"\\\\\"}"], true);
        check(&["null"], true);
    }
}
