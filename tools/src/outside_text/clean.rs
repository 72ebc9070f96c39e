//! Takes out what a terminal would act on and what an eye would not see.

use std::iter::Peekable;
use std::str::Chars;

/// One line without terminal sequences, control and invisible characters, at most `limit` characters long.
///
/// Of a line that was written over with carriage returns (a progress bar), the last writing is kept.
pub fn clean_line(line: &str, limit: usize) -> String {
    let plain = without_terminal_sequences(line);
    let shown = plain
        .rsplit('\r')
        .find(|part| !part.trim().is_empty())
        .unwrap_or_default();
    let visible: String = shown
        .chars()
        .map(|c| if c == '\t' { ' ' } else { c })
        .filter(|c| !is_invisible(*c))
        .collect();
    clip(visible.trim_end(), limit)
}

/// At most `limit` characters; a cut is shown by `…`.
pub fn clip(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some(_) => text.chars().take(limit.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// Sequences as in ECMA-48: CSI (colours, cursor), the string sequences (titles, links), and two-character escapes.
fn without_terminal_sequences(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => skip_escape(&mut rest),
            '\u{9b}' => skip_control_sequence(&mut rest),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => skip_string(&mut rest),
            _ => plain.push(c),
        }
    }
    plain
}

fn skip_escape(rest: &mut Peekable<Chars<'_>>) {
    match rest.peek() {
        Some('[') => {
            rest.next();
            skip_control_sequence(rest);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            rest.next();
            skip_string(rest);
        }
        // Intermediate bytes (choice of character set) come before the final one.
        Some(' '..='/') => {
            rest.next();
            rest.next_if(|c| matches!(c, '0'..='~'));
        }
        Some('0'..='~') => {
            rest.next();
        }
        _ => {}
    }
}

fn skip_control_sequence(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if(|c| matches!(c, ' '..='?')).is_some() {}
    rest.next_if(|c| matches!(c, '@'..='~'));
}

/// Up to BEL or ST. One that never ends takes the rest of the line, as in a terminal.
fn skip_string(rest: &mut Peekable<Chars<'_>>) {
    while let Some(c) = rest.next() {
        match c {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' => {
                rest.next_if_eq(&'\\');
                return;
            }
            _ => {}
        }
    }
}

/// Control characters, the format characters that hide text or turn its direction around, and the letters that are blank.
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}'
            | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0e}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_shown_without_what_cannot_be_seen() {
        let check = |given: &str, expect: &str| assert_eq!(clean_line(given, 100), expect, "given {given:?}");
        check("plain äöü 漢字", "plain äöü 漢字");
        check("\u{1b}[31;1mred\u{1b}[0m text", "red text");
        check("\u{9b}32mgreen", "green");
        check("\u{1b}]0;a title\u{7}after", "after");
        check(
            "\u{1b}]8;;https://evil.test\u{1b}\\link\u{1b}]8;;\u{1b}\\ end",
            "link end",
        );
        check("\u{1b}Pdevice string\u{9c}after", "after");
        check("\u{1b}(Bascii", "ascii");
        check("\u{1b}7saved", "saved");
        check("cut \u{1b}", "cut");
        check("cut \u{1b}[3", "cut");
        check("10%\r55%\r100%\r", "100%");
        check("windows end\r\n", "windows end");
        check("nul \0 bell \u{7} back \u{8}!", "nul  bell  back !");
        check("a\tb", "a b");
        check(
            "hid\u{200b}den \u{202e}turned\u{2066}\u{feff}\u{e0041}",
            "hidden turned",
        );
        check("\u{3164}blank\u{115f}\u{ffa0}\u{2800}", "blank");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let check = |given: &str, expect: &str| assert_eq!(clip(given, 4), expect);
        check("", "");
        check("äöü", "äöü");
        check("äöüß", "äöüß");
        check("äöüßx", "äöü…");
    }
}
