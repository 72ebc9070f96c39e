//! Where the thinking at the start of a text begins and ends, found out while it comes in pieces of any size.

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";
/// White space that is held back at most, in bytes, because thinking may follow it.
const LONGEST_SPACE: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Tags {
    stage: Stage,
    /// What may be a part of a tag.
    held: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Start,
    /// After a tag, white space is left out.
    AfterOpen,
    Thinking,
    AfterClose,
    /// All that comes is the answer, whatever it looks like.
    Answer,
}

/// What a piece of text comes to; thinking stands before the answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) thinking: String,
    pub(super) answer: String,
}

impl Tags {
    pub(super) fn push(&mut self, text: &str) -> Said {
        self.held.push_str(text);
        let mut said = Said::default();
        while self.step(&mut said) {}
        said
    }

    /// Nothing more comes: what was held back is what it looks like.
    pub(super) fn end(&mut self) -> Said {
        let held = std::mem::take(&mut self.held);
        let stage = std::mem::replace(&mut self.stage, Stage::Answer);
        let (thinking, answer) = match stage {
            Stage::Thinking => (held, String::new()),
            Stage::Start | Stage::AfterOpen | Stage::AfterClose | Stage::Answer => (String::new(), held),
        };
        Said { thinking, answer }
    }

    /// All that comes is the answer.
    pub(super) fn is_over(&self) -> bool {
        self.stage == Stage::Answer
    }

    pub(super) fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// Whether there is something more to do with what is held.
    fn step(&mut self, said: &mut Said) -> bool {
        match self.stage {
            Stage::Start => {
                let text = self.held.trim_start();
                let space = self.held.len() - text.len();
                if let Some(rest) = text.strip_prefix(OPEN) {
                    self.held = rest.to_owned();
                    self.stage = Stage::AfterOpen;
                    return true;
                }
                if OPEN.starts_with(text) && space <= LONGEST_SPACE {
                    return false;
                }
                self.stage = Stage::Answer;
                true
            }
            Stage::AfterOpen => self.leave_space_out(Stage::Thinking),
            Stage::Thinking => {
                if let Some((thinking, rest)) = self.held.split_once(CLOSE) {
                    said.thinking.push_str(thinking);
                    self.held = rest.to_owned();
                    self.stage = Stage::AfterClose;
                    return true;
                }
                let kept = self.held.split_off(self.held.len() - begun(&self.held));
                said.thinking.push_str(&std::mem::replace(&mut self.held, kept));
                false
            }
            Stage::AfterClose => self.leave_space_out(Stage::Answer),
            Stage::Answer => {
                said.answer.push_str(&self.held);
                self.held.clear();
                false
            }
        }
    }

    fn leave_space_out(&mut self, next: Stage) -> bool {
        let text = self.held.trim_start();
        let is_text = !text.is_empty();
        self.held = text.to_owned();
        if is_text {
            self.stage = next;
        }
        is_text
    }
}

/// How many bytes at the end of `text` may be the beginning of the closing tag.
fn begun(text: &str) -> usize {
    let longest = CLOSE.len().min(text.len());
    let is_begun = |length: &usize| CLOSE.get(..*length).is_some_and(|start| text.ends_with(start));
    (1..=longest).rev().find(is_begun).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read<'t>(pieces: impl IntoIterator<Item = &'t str>) -> Said {
        let (mut tags, mut all) = (Tags::default(), Said::default());
        let mut add = |said: Said| {
            all.thinking.push_str(&said.thinking);
            all.answer.push_str(&said.answer);
        };
        for piece in pieces {
            add(tags.push(piece));
        }
        add(tags.end());
        all
    }

    /// In one piece, letter by letter, and cut in two at every place.
    fn check(text: &str, thinking: &str, answer: &str) {
        let expect = || Said {
            thinking: thinking.into(),
            answer: answer.into(),
        };
        assert_eq!(read([text]), expect(), "{text:?}");
        let letters: Vec<String> = text.chars().map(String::from).collect();
        assert_eq!(
            read(letters.iter().map(String::as_str)),
            expect(),
            "letters of {text:?}"
        );
        for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
            let (first, second) = text.split_at(at);
            assert_eq!(read([first, second]), expect(), "{first:?} {second:?}");
        }
    }

    #[test]
    fn thinking_is_what_stands_in_tags_at_the_start() {
        check("", "", "");
        check("hello", "", "hello");
        check("<think>why</think>because", "why", "because");
        check("<think>\nwhy\n</think>\n\nbecause\n", "why\n", "because\n");
        check("\n <think>wäre</think>", "wäre", "");
        check("<think>\n\n</think>\n\nyes", "", "yes");
        check("<think></think><think>x</think>", "", "<think>x</think>");
        check("say <think>x</think>", "", "say <think>x</think>");
        check("`<think>`", "", "`<think>`");
        check("<thinker>", "", "<thinker>");
        check("<", "", "<");
        check("<thin", "", "<thin");
        check(" \n", "", " \n");
        check("<THINK>x", "", "<THINK>x");
        check("<think>a</b></thin</think>c", "a</b></thin", "c");
        check("<think>never said </thi", "never said </thi", "");
        check("<think>", "", "");
        check("<think>a</think>b</think>", "a", "b</think>");
    }

    #[test]
    fn white_space_without_end_is_not_held() {
        let space = " ".repeat(LONGEST_SPACE + 1);
        let mut tags = Tags::default();
        assert_eq!(tags.push(&space).answer, space);
        assert!(tags.is_over());
    }

    proptest! {
        #[test]
        fn pieces_come_to_the_same_as_the_whole(pieces in prop::collection::vec("(<think>|</think>|<|/|think|>|[ a\n\u{e9}]){0,3}", 0..6)) {
            let whole = pieces.concat();
            prop_assert_eq!(read(pieces.iter().map(String::as_str)), read([whole.as_str()]));
        }
    }
}
