//! Patterns for names: `*` stands for any letters, also none. Everything else stands for itself.

/// Whether all of `name` fits `pattern`.
pub fn fits(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let Some(last) = pieces.next_back() else {
        return rest.is_empty();
    };
    // The earliest place is always good enough for a piece between two stars.
    for piece in pieces {
        match rest.split_once(piece) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn patterns() {
        let check = |pattern: &str, name: &str, expect: bool| {
            assert_eq!(fits(pattern, name), expect, "`{pattern}` and `{name}`");
        };
        check("jarvis", "jarvis", true);
        check("jarvis", "jarvis-chat", false);
        check("jarvis-*", "jarvis-chat", true);
        check("jarvis-*", "jarvis", false);
        check("*", "", true);
        check("", "", true);
        check("", "x", false);
        check("gpu/*:14b", "gpu/qwen3:14b", true);
        check("gpu/*:14b", "gpu/qwen3:4b", false);
        check("a*b*c", "abc", true);
        check("a*b*c", "a-b-b-c", true);
        check("a*b*c", "acb", false);
        check("*aa", "aaa", true);
        check("aa*aa", "aaa", false);
        check("Jarvis", "jarvis", false);
    }
}
