//! Names that somebody may have meant.

const AT_MOST: usize = 3;

/// The known names that are like `wanted`, best first: those that contain it or are contained in it, and those a few
/// typing errors away.
pub(super) fn near<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    // Distances are quadratic in the length, and names come from outside.
    let wanted: String = wanted.to_lowercase().chars().take(64).collect();
    let mut near: Vec<(usize, &str)> = known
        .filter_map(|name| Some((distance(&wanted, &name.to_lowercase())?, name)))
        .collect();
    near.sort_unstable();
    near.into_iter()
        .take(AT_MOST)
        .map(|(_, name)| name.to_owned())
        .collect()
}

fn distance(wanted: &str, name: &str) -> Option<usize> {
    let contains = wanted.len() >= 3 && name.len() >= 3 && (name.contains(wanted) || wanted.contains(name));
    let distance = edits(wanted, name);
    let few = distance <= (wanted.chars().count() / 3).max(2);
    if contains {
        return Some(0);
    }
    few.then_some(distance)
}

/// Levenshtein's distance with one row.
fn edits(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, character) in (1..).zip(one.chars()) {
        let mut diagonal = std::mem::replace(&mut row[0], above);
        for (index, other) in (1..).zip(&other) {
            let replaced = diagonal + usize::from(character != *other);
            diagonal = row[index];
            row[index] = replaced.min(row[index] + 1).min(row[index - 1] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::near;

    #[test]
    fn near_names() {
        let known = ["jarvis", "jarvis-chat", "gpu/qwen3:14b", "cpu/qwen3:4b", "cloud/gpt-5"];
        let check = |wanted: &str, expect: &[&str]| {
            assert_eq!(near(wanted, known.into_iter()), expect, "{wanted}");
        };
        check("jarvs", &["jarvis"]);
        check("Jarvis-Chat2", &["jarvis", "jarvis-chat"]);
        check("qwen3", &["cpu/qwen3:4b", "gpu/qwen3:14b"]);
        check("gpu/qwen3:41b", &["cpu/qwen3:4b", "gpu/qwen3:14b"]);
        check("llama", &[]);
        check("", &[]);
        check(&"x".repeat(100_000), &[]);
    }
}
