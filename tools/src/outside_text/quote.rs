//! Quoting in Markdown that the quoted text cannot end.

/// A short text in backticks. Backticks inside become apostrophes.
pub fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'"))
}

/// Lines in a fenced block.
///
/// Three or more backticks in a row become apostrophes. A longer fence would be enough for `CommonMark`, but Discord
/// ends a block at any three, and an invisible character between them would not survive a later cleaning.
pub fn fenced<'a>(lines: impl IntoIterator<Item = &'a str>) -> String {
    let mut block = String::from("```\n");
    for line in lines {
        push_without_fences(&mut block, line);
        block.push('\n');
    }
    block.push_str("```");
    block
}

fn push_without_fences(block: &mut String, line: &str) {
    let mut run = 0;
    for c in line.chars().chain(['\n']) {
        if c == '`' {
            run += 1;
            continue;
        }
        let shown = if run >= 3 { '\'' } else { '`' };
        block.extend(std::iter::repeat_n(shown, run));
        run = 0;
        if c != '\n' {
            block.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_cannot_be_ended_from_inside() {
        let check = |given: &[&str], expect: &str| assert_eq!(fenced(given.iter().copied()), expect);
        check(&[], "```\n```");
        check(&["one", "two"], "```\none\ntwo\n```");
        check(&["```", "out?"], "```\n'''\nout?\n```");
        check(&["a ````` b ```"], "```\na ''''' b '''\n```");
        check(&["`x` and ``y``"], "```\n`x` and ``y``\n```");
        check(&["in\nside"], "```\ninside\n```");
    }

    #[test]
    fn a_short_text_cannot_end_its_backticks() {
        assert_eq!(code("nginx:1.27"), "`nginx:1.27`");
        assert_eq!(code("a` **b** `c"), "`a' **b** 'c`");
    }
}
