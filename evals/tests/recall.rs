//! The set of this repository, played as `jarvis eval memory` plays it.

use std::collections::BTreeSet;

use anyhow::Result;
use async_trait::async_trait;
use jarvis_evals::recall::{self, Embedder, Set, Vectors};

const HOUSE: &str = include_str!("../memory/house.jsonl");

/// Of the questions of the set, those whose evidence has one of their words. Without the rest a search for words alone,
/// message by message, would do.
#[test]
fn words_alone_do_not_find_all_of_it() {
    let lines: Vec<serde_json::Value> = HOUSE.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let words = |text: &str| -> BTreeSet<String> {
        let words = text
            .split(|letter: char| !letter.is_alphanumeric())
            .filter(|word| word.len() > 3);
        // Beginnings, as a stemmer would leave them.
        words
            .map(|word| word.chars().take(4).collect::<String>().to_lowercase())
            .collect()
    };
    let said = |id: &str| -> String {
        let messages = lines.iter().filter_map(|line| line["messages"].as_array()).flatten();
        let mut texts = messages
            .filter(|message| message["id"] == id)
            .map(|message| &message["text"]);
        texts.next().unwrap().as_str().unwrap().to_owned()
    };
    let questions = lines.iter().filter(|line| line["question"].is_string());
    let beyond = questions.filter(|line| {
        let asked = words(line["question"].as_str().unwrap());
        let evidence = line["evidence"].as_array().unwrap();
        evidence
            .iter()
            .all(|id| words(&said(id.as_str().unwrap())).is_disjoint(&asked))
    });
    assert!(beyond.count() >= 8);
}

#[tokio::test]
async fn what_was_said_is_found_without_any_model() -> Result<()> {
    let found = recall::play(&Set::read(HOUSE)?, None, |_| ()).await?;
    assert_eq!((found.questions, found.messages), (17, 60));
    let at = |depth: usize| {
        found
            .recall
            .iter()
            .find(|(of, _)| *of == depth)
            .map_or(0.0, |(_, recall)| *recall)
    };
    assert!(at(10) >= 0.9, "{}", found.to_text());
    assert!(at(5) >= 0.8, "{}", found.to_text());
    Ok(())
}

/// Knows the answers: the direction of a text is the number of the letters in it.
struct Lengths;

#[async_trait]
impl Embedder for Lengths {
    async fn embed(&self, texts: Vec<String>) -> Result<Vectors> {
        let row = |text: &String| {
            if text == "hm?" || text == "xyzzy" {
                vec![1.0, 0.0]
            } else {
                vec![0.0, 1.0]
            }
        };
        Ok(Vectors {
            space: "lengths".into(),
            rows: texts.iter().map(row).collect(),
        })
    }
}

#[tokio::test]
async fn vectors_have_a_say() -> Result<()> {
    let set = r#"
        {"conversation": "a", "at": "2026-01-01T00:00:00Z", "messages": [
          {"id": "1", "author": "Ben", "text": "hm"}, {"id": "2", "author": "Ben", "text": "xyzzy"}]}
        {"conversation": "a", "question": "hm?", "evidence": ["2"]}"#;
    let set = Set::read(&set.replace(",\n", ",").replace("[\n", "["))?;
    let first = |found: &recall::Found| found.recall.first().map(|(_, recall)| recall.total_cmp(&1.0).is_eq());
    assert_eq!(first(&recall::play(&set, None, |_| ()).await?), Some(false));
    assert_eq!(first(&recall::play(&set, Some(&Lengths), |_| ()).await?), Some(true));
    Ok(())
}
