//! Where an answer that is gone on with repeats the end of what was said before.

/// The longest repetition that is looked for, in characters.
const LONGEST: usize = 200;
/// A shorter one is chance: `hel` and `lo` share a letter and repeat nothing. In characters.
const SHORTEST: usize = 16;

/// Takes the repetition off the beginning of what comes.
#[derive(Debug)]
pub(super) struct Seam {
    /// The end of what was said.
    said: String,
    /// What may be a repetition.
    held: String,
    is_over: bool,
}

impl Seam {
    pub(super) fn after(said: &str) -> Self {
        let from = said.char_indices().rev().nth(LONGEST - 1).map_or(0, |(at, _)| at);
        Self {
            said: said.split_at_checked(from).map_or(said, |(_, end)| end).to_owned(),
            held: String::new(),
            is_over: false,
        }
    }

    /// What of a piece, and of what was held, may be handed on.
    pub(super) fn push(&mut self, text: &str) -> String {
        if self.is_over {
            return text.to_owned();
        }
        self.held.push_str(text);
        // While all of it stands in what was said, the end of that may be what is repeated.
        if self.said.contains(&self.held) && !self.is_repeated() {
            return String::new();
        }
        self.end()
    }

    /// Nothing more comes, or what comes repeats nothing.
    pub(super) fn end(&mut self) -> String {
        self.is_over = true;
        let held = std::mem::take(&mut self.held);
        let starts = self.said.char_indices().map(|(at, _)| self.said.split_at(at).1);
        let repeated = starts
            .filter(|end| end.chars().count() >= SHORTEST)
            .find_map(|end| held.strip_prefix(end));
        repeated.map_or_else(|| held.clone(), str::to_owned)
    }

    /// All that was kept of what was said is repeated, so that there can be no longer repetition.
    fn is_repeated(&self) -> bool {
        self.held == self.said
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn joined<'t>(said: &str, pieces: impl IntoIterator<Item = &'t str>) -> String {
        let mut seam = Seam::after(said);
        let mut all = said.to_owned();
        for piece in pieces {
            all.push_str(&seam.push(piece));
        }
        all.push_str(&seam.end());
        all
    }

    #[test]
    fn what_is_repeated_is_said_once() {
        let check = |said: &str, goes_on: &str, expect: &str| {
            assert_eq!(joined(said, [goes_on]), expect);
            let letters: Vec<String> = goes_on.chars().map(String::from).collect();
            assert_eq!(
                joined(said, letters.iter().map(String::as_str)),
                expect,
                "letter by letter"
            );
        };
        check("hel", "lo", "hello");
        check("the cat sat on the ", "mat", "the cat sat on the mat");
        check(
            "the cat sat on the red ",
            "cat sat on the red mat",
            "the cat sat on the red mat",
        );
        check(
            "the cat sat on the ",
            "the cat sat on the mat",
            "the cat sat on the mat",
        );
        check("the cat sat on the ", "the cat sat on the ", "the cat sat on the ");
        check("a day, ", "a day, a night", "a day, a day, a night");
        check(
            "über die Brücke gehen",
            "die Brücke gehen wir",
            "über die Brücke gehen wir",
        );
        check("", "x", "x");
        check("x", "", "x");
    }

    proptest! {
        /// A target that goes on exactly, or repeats the end, never loses a letter or says it twice.
        #[test]
        fn nothing_is_lost_and_nothing_is_said_twice(
            said in prop::collection::vec(any::<u16>(), 4..60),
            rest in "[a-z ]{0,40}",
            repeats in 0_usize..30,
            cuts in prop::collection::vec(1_usize..9, 0..30),
        ) {
            // Every number is there once, so that chance repeats nothing.
            let words: Vec<String> = said.iter().enumerate().map(|(at, word)| format!("{at}:{word} ")).collect();
            let said = words.concat();
            let from = said.len() - (16 + repeats).min(said.len());
            for from in [from, said.len()] {
                let goes_on = said.split_at(from).1.to_owned() + &rest;
                let mut pieces = Vec::new();
                let mut left = goes_on.as_str();
                for cut in &cuts {
                    let (piece, after) = left.split_at((*cut).min(left.len()));
                    pieces.push(piece);
                    left = after;
                }
                pieces.push(left);
                prop_assert_eq!(joined(&said, pieces), format!("{said}{rest}"));
            }
        }
    }
}
