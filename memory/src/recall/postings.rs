//! Which entries are worth being read: those in which, and around which, the rarest words of a question stand.

use std::collections::HashMap;

use super::rank::rarity;

/// Where one word of a question stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Posting {
    /// Keys of entries, in any order, without those that the engine left out because there are too many.
    pub(crate) keys: Vec<i64>,
    /// How many entries hold the word, with those left out.
    pub(crate) holding: f64,
}

/// How much the words of the nearest neighbour count here.
const BESIDE: f64 = 0.5;
/// How far away a neighbour can be.
const NEAR: i64 = 2;

/// At most `most` keys around which is read, in ascending order. `entries` is how many there are in all.
pub(crate) fn candidates(postings: &[Posting], entries: f64, most: usize) -> Vec<i64> {
    let mut worth: HashMap<i64, f64> = HashMap::new();
    for posting in postings {
        let rarity = rarity(entries, posting.holding);
        for key in &posting.keys {
            *worth.entry(*key).or_default() += rarity;
        }
    }
    let mut own: Vec<(i64, f64)> = worth.into_iter().collect();
    own.sort_unstable_by_key(|(key, _)| *key);
    let mut found: Vec<(f64, i64)> = (0..own.len())
        .filter_map(|index| with_neighbours(&own, index))
        .collect();
    // The newer one of two that are worth the same.
    let order = |one: &(f64, i64), other: &(f64, i64)| other.0.total_cmp(&one.0).then(other.1.cmp(&one.1));
    if found.len() > most {
        found.select_nth_unstable_by(most, order);
        found.truncate(most);
    }
    let mut keys: Vec<i64> = found.into_iter().map(|(_, key)| key).collect();
    keys.sort_unstable();
    keys
}

fn with_neighbours(own: &[(i64, f64)], index: usize) -> Option<(f64, i64)> {
    let (key, worth) = *own.get(index)?;
    let near = |(other, _): &&(i64, f64)| other.abs_diff(key) <= NEAR.unsigned_abs();
    let before = own.get(..index)?.iter().rev().take_while(near);
    let after = own.get(index + 1..)?.iter().take_while(near);
    let best = before.chain(after).map(|(_, worth)| *worth).fold(0.0, f64::max);
    Some((worth + BESIDE * best, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rarest_words_and_what_stands_beside_them_come_first() {
        let posting = |keys: &[i64], holding: f64| Posting {
            keys: keys.to_vec(),
            holding,
        };
        let check = |postings: &[Posting], most: usize, expect: &[i64]| {
            assert_eq!(candidates(postings, 1000.0, most), expect, "{postings:?}");
        };
        check(&[], 3, &[]);
        check(&[posting(&[], 0.0)], 3, &[]);
        // A rare word before frequent ones, the newer of two equal ones.
        let frequent = posting(&[10, 20, 30, 40], 400.0);
        check(&[frequent.clone(), posting(&[50], 1.0)], 2, &[40, 50]);
        // Both words in one entry, then one beside the other, then one alone.
        let both = [posting(&[10, 20, 30], 3.0), posting(&[20, 32, 60], 3.0)];
        check(&both, 1, &[20]);
        check(&both, 3, &[20, 30, 32]);
        check(&both, 9, &[10, 20, 30, 32, 60]);
        // Three places apart is no neighbour.
        check(&[posting(&[10, 21, 40], 3.0), posting(&[13, 22], 3.0)], 2, &[21, 22]);
    }
}
