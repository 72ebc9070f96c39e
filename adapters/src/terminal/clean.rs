//! Takes out of outside text what a terminal would act on and what an eye would not see.

/// `text` as it may be printed: with its line ends and tabs, without terminal sequences, other control characters,
/// and the format characters that hide text or turn its direction around. Joiners stay: emoji are made with them.
pub fn clean(text: &str) -> String {
    Cleaner::default().push(text)
}

/// `text` as one line of at most `limit` characters; a cut is shown by `…`.
pub(super) fn clean_line(text: &str, limit: usize) -> String {
    let cleaned = clean(text);
    let words: Vec<&str> = cleaned.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(limit) {
        None => line,
        Some(_) => line.chars().take(limit.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// [`clean`] for text that comes in pieces: a sequence that is cut in two is taken out all the same.
#[derive(Debug, Default)]
pub(super) struct Cleaner {
    inside: Inside,
}

/// Where in a terminal sequence (ECMA-48) the last character was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Inside {
    #[default]
    Text,
    /// After ESC.
    Escape,
    /// After ESC and the choice of a character set.
    Intermediate,
    /// Colours, cursor: up to a final letter.
    Control,
    /// Titles, links, device strings: up to BEL or ST.
    String,
    /// After ESC in a string.
    StringEscape,
}

impl Cleaner {
    pub(super) fn push(&mut self, text: &str) -> String {
        text.chars().filter(|c| self.shows(*c)).collect()
    }

    fn shows(&mut self, c: char) -> bool {
        // A line end closes whatever is open, so that an unended sequence hides no more than its line.
        if c == '\n' {
            self.inside = Inside::Text;
            return true;
        }
        let taken = after(self.inside, c);
        self.inside = taken.unwrap_or_else(|| begun_by(c));
        taken.is_none() && self.inside == Inside::Text && is_visible(c)
    }
}

/// Where a sequence stands after `c`, or `None` when `c` is no part of it.
fn after(inside: Inside, c: char) -> Option<Inside> {
    match (inside, c) {
        (Inside::Escape | Inside::StringEscape, ']' | 'P' | 'X' | '^' | '_') => Some(Inside::String),
        (Inside::Escape | Inside::Intermediate, ' '..='/') => Some(Inside::Intermediate),
        (Inside::String, '\u{1b}') => Some(Inside::StringEscape),
        (Inside::Escape | Inside::StringEscape, '[') | (Inside::Control, ' '..='?') => Some(Inside::Control),
        (Inside::String, '\u{7}' | '\u{9c}')
        | (Inside::Escape | Inside::Intermediate | Inside::StringEscape, '0'..='~')
        | (Inside::Control, '@'..='~') => Some(Inside::Text),
        (Inside::String, _) => Some(Inside::String),
        (Inside::Text | Inside::Escape | Inside::Intermediate | Inside::Control | Inside::StringEscape, _) => None,
    }
}

/// What `c` begins when it stands in text.
fn begun_by(c: char) -> Inside {
    match c {
        '\u{1b}' => Inside::Escape,
        '\u{9b}' => Inside::Control,
        '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => Inside::String,
        _ => Inside::Text,
    }
}

fn is_visible(c: char) -> bool {
    c == '\t'
        || !(c.is_control()
            || matches!(c,
                '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn outside_text_moves_no_cursor_and_hides_nothing() {
        let check = |given: &str, expect: &str| assert_eq!(clean(given), expect, "given {given:?}");
        check("plain äöü 漢字\n\tnext", "plain äöü 漢字\n\tnext");
        check("👩‍👩‍👧 ❤️", "👩‍👩‍👧 ❤️");
        check("\u{1b}[31;1mred\u{1b}[0m text", "red text");
        check("\u{1b}[2J\u{1b}[1;1Hhome", "home");
        check("\u{9b}32mgreen", "green");
        check("\u{1b}]0;a title\u{7}after", "after");
        check(
            "\u{1b}]8;;https://evil.test\u{1b}\\link\u{1b}]8;;\u{1b}\\ end",
            "link end",
        );
        check("\u{1b}]52;c;cm0gLXJm\u{9c}after", "after");
        check("\u{1b}Pdevice\u{1b}[31m after", " after");
        check("\u{9d}0;unended\nnext", "\nnext");
        check("\u{1b}(Bascii \u{1b}7saved", "ascii saved");
        check("\u{1b}\u{1b}[31mred", "red");
        check("\u{1b}ö\u{1b}[3äx", "öäx");
        check("over\rwritten\r\n", "overwritten\n");
        check(
            "nul \0 bell \u{7} back \u{8} del \u{7f} next \u{85}!",
            "nul  bell  back  del  next !",
        );
        check(
            "\u{202e}txt.exe\u{202c} \u{2066}a\u{2069}\u{200b}\u{feff}\u{e0041}",
            "txt.exe a",
        );
        check("cut \u{1b}", "cut ");
        check("cut \u{1b}[3", "cut ");
    }

    #[test]
    fn a_line_is_one_line() {
        let check = |given: &str, expect: &str| assert_eq!(clean_line(given, 8), expect, "given {given:?}");
        check("", "");
        check(" a\n b\t\u{1b}[1mc ", "a b c");
        check("12345678", "12345678");
        check("123456789", "1234567…");
    }

    proptest! {
        #[test]
        fn cutting_the_text_anywhere_changes_nothing(
            text in "([a-z]|\u{1b}|\\[|\\]|;|[0-9]|m|\\\\|\u{7}|\u{9b}|\u{9c}|\n|\u{202e}){0,40}",
            at in 0_usize..40,
        ) {
            let first: String = text.chars().take(at).collect();
            let rest: String = text.chars().skip(at).collect();
            let mut cleaner = Cleaner::default();
            let seen = cleaner.push(&first) + &cleaner.push(&rest);
            prop_assert!(!seen.chars().any(|c| c.is_control() && c != '\n'));
            prop_assert_eq!(seen, clean(&text));
        }
    }
}
