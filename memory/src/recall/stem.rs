//! The stem of an English word, so that "volunteered" finds "volunteering".
//!
//! M. F. Porter, "An algorithm for suffix stripping", Program 14 (1980). Words with other letters than `a` to `z` stay as
//! they are, so names of hosts, numbers and other languages are found by the word alone.

/// Where more than `measure` syllables remain, the longest suffix becomes its replacement.
struct Step {
    measure: usize,
    suffixes: &'static [(&'static str, &'static str)],
}

const DERIVED: Step = Step {
    measure: 0,
    suffixes: &[
        ("ational", "ate"),
        ("tional", "tion"),
        ("enci", "ence"),
        ("anci", "ance"),
        ("izer", "ize"),
        ("abli", "able"),
        ("alli", "al"),
        ("entli", "ent"),
        ("eli", "e"),
        ("ousli", "ous"),
        ("ization", "ize"),
        ("ation", "ate"),
        ("ator", "ate"),
        ("alism", "al"),
        ("iveness", "ive"),
        ("fulness", "ful"),
        ("ousness", "ous"),
        ("aliti", "al"),
        ("iviti", "ive"),
        ("biliti", "ble"),
    ],
};

const ADJECTIVES: Step = Step {
    measure: 0,
    suffixes: &[
        ("icate", "ic"),
        ("ative", ""),
        ("alize", "al"),
        ("iciti", "ic"),
        ("ical", "ic"),
        ("ful", ""),
        ("ness", ""),
    ],
};

const ENDINGS: Step = Step {
    measure: 1,
    suffixes: &[
        ("al", ""),
        ("ance", ""),
        ("ence", ""),
        ("er", ""),
        ("ic", ""),
        ("able", ""),
        ("ible", ""),
        ("ant", ""),
        ("ement", ""),
        ("ment", ""),
        ("ent", ""),
        ("ion", ""),
        ("ou", ""),
        ("ism", ""),
        ("ate", ""),
        ("iti", ""),
        ("ous", ""),
        ("ive", ""),
        ("ize", ""),
    ],
};

/// `word` is in lower case.
pub(super) fn stem(mut word: String) -> String {
    if word.len() < 3 || !word.bytes().all(|letter| letter.is_ascii_lowercase()) {
        return word;
    }
    plural(&mut word);
    past(&mut word);
    if word.strip_suffix('y').is_some_and(has_vowel) {
        swap(&mut word, "y", "i");
    }
    for step in [DERIVED, ADJECTIVES, ENDINGS] {
        take(&mut word, &step);
    }
    last_e(&mut word);
    if word.ends_with("ll") && measure(&word) > 1 {
        word.pop();
    }
    word
}

fn plural(word: &mut String) {
    if word.ends_with("sses") {
        swap(word, "sses", "ss");
    } else if word.ends_with("ies") {
        swap(word, "ies", "i");
    } else if word.ends_with('s') && !word.ends_with("ss") {
        word.pop();
    }
}

fn past(word: &mut String) {
    if let Some(rest) = word.strip_suffix("eed") {
        if measure(rest) > 0 {
            word.pop();
        }
        return;
    }
    let Some(suffix) = ["ed", "ing"]
        .into_iter()
        .find(|suffix| word.strip_suffix(suffix).is_some_and(has_vowel))
    else {
        return;
    };
    swap(word, suffix, "");
    if ["at", "bl", "iz"].iter().any(|end| word.ends_with(end)) || (measure(word) == 1 && ends_short(word)) {
        word.push('e');
    } else if ends_double(word) && !word.ends_with(['l', 's', 'z']) {
        word.pop();
    }
}

fn take(word: &mut String, step: &Step) {
    let longest = step
        .suffixes
        .iter()
        .filter(|(suffix, _)| word.ends_with(suffix))
        .max_by_key(|(suffix, _)| suffix.len());
    let Some((suffix, replacement)) = longest else { return };
    let kept = word.strip_suffix(suffix).unwrap_or_default();
    let is_ending = *suffix != "ion" || kept.ends_with(['s', 't']);
    if is_ending && measure(kept) > step.measure {
        swap(word, suffix, replacement);
    }
}

fn last_e(word: &mut String) {
    let Some(rest) = word.strip_suffix('e') else { return };
    let syllables = measure(rest);
    if syllables > 1 || (syllables == 1 && !ends_short(rest)) {
        word.pop();
    }
}

fn swap(word: &mut String, suffix: &str, replacement: &str) {
    word.truncate(word.len() - suffix.len());
    word.push_str(replacement);
}

/// For each letter whether it is a vowel. A `y` is one after a consonant.
fn vowels(word: &str) -> impl Iterator<Item = bool> {
    word.bytes().scan(None, |before, letter| {
        let vowel = match letter {
            b'a' | b'e' | b'i' | b'o' | b'u' => true,
            b'y' => *before == Some(false),
            _ => false,
        };
        *before = Some(vowel);
        Some(vowel)
    })
}

fn has_vowel(word: &str) -> bool {
    vowels(word).any(|vowel| vowel)
}

/// How often a consonant follows a vowel.
fn measure(word: &str) -> usize {
    let mut before = false;
    let mut count = 0;
    for vowel in vowels(word) {
        count += usize::from(before && !vowel);
        before = vowel;
    }
    count
}

fn ends_double(word: &str) -> bool {
    let mut letters = word.bytes().rev();
    let (last, before) = (letters.next(), letters.next());
    last == before && vowels(word).last() == Some(false)
}

/// Consonant, vowel, consonant, and the last is none of `w`, `x`, `y`: as in "hop", which came from "hoping".
fn ends_short(word: &str) -> bool {
    let kinds: Vec<bool> = vowels(word).collect();
    kinds.ends_with(&[false, true, false]) && !word.ends_with(['w', 'x', 'y'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_one_family_have_one_stem() {
        let check = |word: &str, expect: &str| assert_eq!(stem(word.to_owned()), expect, "{word}");
        // The examples of the paper.
        check("caresses", "caress");
        check("ponies", "poni");
        check("cats", "cat");
        check("feed", "feed");
        check("agreed", "agre");
        check("plastered", "plaster");
        check("bled", "bled");
        check("motoring", "motor");
        check("sing", "sing");
        check("conflated", "conflat");
        check("hopping", "hop");
        check("falling", "fall");
        check("filing", "file");
        check("happy", "happi");
        check("sky", "sky");
        check("relational", "relat");
        check("conditional", "condit");
        check("digitizer", "digit");
        check("operator", "oper");
        check("hopefulness", "hope");
        check("electrical", "electr");
        check("adoption", "adopt");
        check("replacement", "replac");
        check("controlling", "control");
        check("rate", "rate");
        check("cease", "ceas");
        check("roll", "roll");
        // What is no English word.
        check("gpu", "gpu");
        check("is", "is");
        check("k7qx", "k7qx");
        check("bücher", "bücher");
        check("", "");
    }
}
