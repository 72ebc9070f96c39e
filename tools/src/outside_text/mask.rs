//! Hides secrets that can be told by their shape. What looks like one is hidden: a masked word too many costs less
//! than a token in a chat room. Secrets without a shape are not found; known values are redacted elsewhere.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

const MASKED: &str = "[masked]";

/// Patterns and what is put in their place, applied in this order. Words end as in ASCII, so that a key is also found
/// right behind a letter of another script.
const SHAPES: [(&str, &str); 8] = [
    // A private key written in one line, as in JSON or an environment variable.
    (
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)",
        "[masked]",
    ),
    // The user information of a URL.
    (
        r#"(?i)(?-u:\b)([a-z][a-z0-9+.-]{1,20}://)[^\s/?#"'<>]+@"#,
        "$1[masked]@",
    ),
    (
        r#"(?i)(?-u:\b)((?:proxy-)?authorization["']?\s*[:=]\s*["']?)(?:(?:basic|bearer|digest|token|negotiate)\s+)?[^\s"',;]+"#,
        "$1[masked]",
    ),
    (r"(?i)(?-u:\b)(bearer\s+)[A-Za-z0-9._~+/=-]{8,}", "$1[masked]"),
    // JSON Web Tokens.
    (
        r"(?-u:\b)eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?",
        "[masked]",
    ),
    // Keys with a known beginning: OpenAI and Stripe, GitHub, GitLab, Slack, AWS, Google, Hugging Face, npm, Discord.
    (
        concat!(
            r"(?-u:\b)(?:(?:sk|pk|rk)[-_][A-Za-z0-9_-]{12,}|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}",
            r"|glpat-[A-Za-z0-9_-]{12,}|xox[abeoprs]-[A-Za-z0-9-]{8,}|(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}",
            r"|AIza[A-Za-z0-9_-]{20,}|hf_[A-Za-z0-9]{16,}|npm_[A-Za-z0-9]{16,}",
            r"|[MNO][A-Za-z0-9_-]{22,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{25,})"
        ),
        "[masked]",
    ),
    // NAME=value, "name": "value", name: value. The name may go on before and after the telling word.
    (
        concat!(
            r"(?i)((?:^|[^A-Za-z0-9])[\w.-]*(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|apikey|access[_-]?key",
            r#"|private[_-]?key|encryption[_-]?key|credentials?|cookie)(?:[_.-][\w.-]*)?\\?["']?\s*[:=]\s*)"#,
            r#"(?:\\?"[^"]*"?|'[^']*'?|[^\s,;&"'\\]+)"#
        ),
        "$1[masked]",
    ),
    // --password value.
    (
        r"(?i)(--?[\w-]*(?:password|passwd|secret|token|api-?key)\s+)\S+",
        "$1[masked]",
    ),
];

static PATTERNS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    #[expect(
        clippy::expect_used,
        reason = "the patterns are constants, and every test here compiles them"
    )]
    let compile = |pattern| Regex::new(pattern).expect("a valid pattern");
    SHAPES
        .iter()
        .map(|(pattern, instead)| (compile(pattern), *instead))
        .collect()
});

/// Of [`SHAPES`], those that are a secret whatever stands around them: private keys, tokens, keys with a known
/// beginning. The others are as often code that somebody asked for.
const KEYS: [usize; 4] = [0, 3, 4, 5];

/// `line` with everything that looks like a secret replaced by `[masked]`.
pub fn mask(line: &str) -> String {
    masked(line, PATTERNS.iter())
}

/// `line` with every secret that can be told by itself replaced by `[masked]`. Names with a value beside them, which
/// [`mask`] hides too, stay: code is full of them.
pub fn mask_keys(line: &str) -> String {
    masked(line, KEYS.iter().filter_map(|index| PATTERNS.get(*index)))
}

fn masked<'a>(line: &str, patterns: impl Iterator<Item = &'a (Regex, &'a str)>) -> String {
    let mut text = Cow::Borrowed(line);
    for (pattern, instead) in patterns {
        if let Cow::Owned(changed) = pattern.replace_all(&text, *instead) {
            text = Cow::Owned(changed);
        }
    }
    text.into_owned()
}

/// [`mask`] over lines that belong together, so that a private key of many lines is hidden whole, also when only its
/// beginning or its end is among them.
pub fn mask_lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut masked: Vec<String> = Vec::new();
    let mut inside = false;
    for line in lines {
        let begins = line.contains("PRIVATE KEY-----") && line.contains("-----BEGIN ");
        let ends = line.contains("PRIVATE KEY-----") && line.contains("-----END ");
        if ends && !inside && !begins {
            for earlier in masked.iter_mut().rev().take_while(|earlier| is_key_material(earlier)) {
                MASKED.clone_into(earlier);
            }
        }
        let hide = inside || ends;
        if begins || ends {
            inside = begins && !ends;
        } else if inside && !is_key_material(line) {
            // The key was cut off; what follows is log again.
            inside = false;
            masked.push(mask(line));
            continue;
        }
        masked.push(if hide { MASKED.to_owned() } else { mask(line) });
    }
    masked
}

/// A line of the inside of a PEM block: Base64, or one of the old header lines.
fn is_key_material(line: &str) -> bool {
    let line = line.trim();
    let is_base64 = line.len() <= 80
        && line
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '='));
    is_base64 || line.starts_with("Proc-Type:") || line.starts_with("DEK-Info:") || line == MASKED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_secret_is_hidden_and_nothing_else() {
        let check = |given: &str, expect: &str| assert_eq!(mask(given), expect, "given {given:?}");
        check("GET /health 200 in 3 ms", "GET /health 200 in 3 ms");
        check("Authorization: Bearer abc.def-ghi_jkl", "Authorization: [masked]");
        check("authorization=Basic dXNlcjpwdw== next", "authorization=[masked] next");
        check("using bearer abcdef0123456789", "using bearer [masked]");
        check("key sk-proj-abcdefghijkl0123 used", "key [masked] used");
        check("sk_live_abcdefghijkl0123", "[masked]");
        check("ghp_abcdefghijklmnop0123456789", "[masked]");
        check("AKIAIOSFODNN7EXAMPLE", "[masked]");
        check("鍵sk-proj-abcdefghijkl0123", "鍵[masked]");
        check(
            "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "AWS_SECRET_ACCESS_KEY=[masked]",
        );
        check("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-def_ghi", "jwt [masked]");
        check(
            "postgres://jarvis:hunter2@db:5432/jarvis",
            "postgres://[masked]@db:5432/jarvis",
        );
        check("redis://:p@ss@cache:6379", "redis://[masked]@cache:6379");
        check("https://example.test/a@b", "https://example.test/a@b");
        check("mail to a@b.test", "mail to a@b.test");
        check("password=hunter2, user=x", "password=[masked], user=x");
        check("DB_PASSWORD='a b c' ok", "DB_PASSWORD=[masked] ok");
        check(r#"{"password":"a b","n":1}"#, r#"{"password":[masked],"n":1}"#);
        check(r#"{\"api_key\":\"abc\",\"n\":1}"#, r#"{\"api_key\":[masked],\"n\":1}"#);
        check("accessToken: abc", "accessToken: [masked]");
        check("?token=abc&x=1", "?token=[masked]&x=1");
        check("max_tokens: 4096 tokenizer=bpe", "max_tokens: 4096 tokenizer=bpe");
        check("run --password hunter2 --verbose", "run --password [masked] --verbose");
        check(
            r#"{"key":"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n"}"#,
            r#"{"key":"[masked]\n"}"#,
        );
    }

    #[test]
    fn code_keeps_its_names_and_loses_its_keys() {
        let check = |given: &str, expect: &str| assert_eq!(mask_keys(given), expect, "given {given:?}");
        check("let token = next_token();", "let token = next_token();");
        check("POSTGRES_PASSWORD=changeme", "POSTGRES_PASSWORD=changeme");
        check("key=sk-proj-abcdefghijkl0123", "key=[masked]");
        check("Bearer abcdef0123456789", "Bearer [masked]");
    }

    #[test]
    fn a_key_of_many_lines_is_hidden_whole() {
        let check = |given: &[&str], expect: &[&str]| assert_eq!(mask_lines(given.iter().copied()), expect);
        let (begin, end) = ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----");
        check(
            &["a", begin, "MIIEvQ==", "abc+/", end, "b"],
            &["a", "[masked]", "[masked]", "[masked]", "[masked]", "b"],
        );
        // Only its end is in the tail.
        check(&["a b", "MIIEvQ==", end, "c"], &["a b", "[masked]", "[masked]", "c"]);
        // It was cut off by another line.
        check(
            &[begin, "MIIEvQ==", "12:00 next request", "token=x"],
            &["[masked]", "[masked]", "12:00 next request", "token=[masked]"],
        );
        check(&["{", "x", "}"], &["{", "x", "}"]);
    }
}
