//! Reads the log of a container: bounded, cleaned, and without what looks like a secret.

use std::collections::VecDeque;
use std::time::Duration;

use bollard::container::LogOutput;
use bollard::query_parameters::LogsOptions;
use futures_util::StreamExt;
use jarvis_gateway::clock::Millis;

use super::connect::bounded;
use super::engine::Engine;
use crate::Error;
use crate::docker::name::Id;
use crate::outside_text::{clean_line, mask_lines};

/// How much is read before the rest is left; what is kept is far less.
const READ_LIMIT: usize = 8 * 1024 * 1024;
/// A line that is longer is cut.
const LINE_LIMIT: usize = 2000;
/// Reading thousands of lines of a busy log from a slow disk.
const LOGS: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::docker) enum Source {
    Stdout,
    Stderr,
    Both,
}

#[derive(Debug, Clone)]
pub(in crate::docker) struct LogQuery {
    /// How many of the last lines are read.
    pub lines: u32,
    pub since: Option<Millis>,
    pub source: Source,
}

/// One line, cleaned and masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::docker) struct LogLine {
    /// `2026-11-20T10:22:12Z`; empty when the engine sent none.
    pub at: String,
    pub text: String,
}

impl Engine {
    /// The last lines, oldest first.
    pub(in crate::docker) async fn logs(&self, id: &Id, query: &LogQuery) -> Result<Vec<LogLine>, Error> {
        let what = format!("read the log of container {}", id.short());
        let options = LogsOptions {
            follow: false,
            stdout: query.source != Source::Stderr,
            stderr: query.source != Source::Stdout,
            // The engine counts in whole seconds.
            since: query
                .since
                .map_or(0, |at| i32::try_from(at.0 / 1000).unwrap_or(i32::MAX)),
            until: 0,
            timestamps: true,
            tail: query.lines.to_string(),
        };
        let mut frames = self.docker.logs(id.as_str(), Some(options));
        let mut gathered = Lines::default();
        let reading = async {
            while let Some(frame) = frames.next().await {
                gathered.push(frame?);
                if gathered.read >= READ_LIMIT {
                    break;
                }
            }
            Ok(())
        };
        bounded(&self.host, &what, LOGS, reading).await?;
        Ok(gathered.finish(query.lines))
    }
}

/// Puts frames together into lines. Frames of the two streams may come in between each other.
#[derive(Default)]
struct Lines {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    done: VecDeque<Vec<u8>>,
    read: usize,
}

impl Lines {
    fn push(&mut self, frame: LogOutput) {
        let is_stderr = matches!(frame, LogOutput::StdErr { .. });
        let bytes = frame.into_bytes();
        self.read += bytes.len();
        let open = if is_stderr { &mut self.stderr } else { &mut self.stdout };
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            open.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                self.done.push_back(std::mem::take(open));
            }
        }
    }

    fn finish(mut self, limit: u32) -> Vec<LogLine> {
        for rest in [self.stdout, self.stderr] {
            if !rest.is_empty() {
                self.done.push_back(rest);
            }
        }
        let skip = self
            .done
            .len()
            .saturating_sub(usize::try_from(limit).unwrap_or(usize::MAX));
        let lines: Vec<(String, String)> = self.done.iter().skip(skip).map(|line| dated(line)).collect();
        let texts = mask_lines(lines.iter().map(|(_, text)| text.as_str()));
        let at = lines.iter().map(|(at, _)| at.clone());
        at.zip(texts).map(|(at, text)| LogLine { at, text }).collect()
    }
}

/// Takes the engine's timestamp off a line and cleans the rest.
fn dated(line: &[u8]) -> (String, String) {
    let line = String::from_utf8_lossy(line);
    let line = line.trim_end_matches('\n');
    let dated = line.split_once(' ').unwrap_or((line, ""));
    match dated.0.parse::<jiff::Timestamp>() {
        Ok(at) => (
            at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            clean_line(dated.1, LINE_LIMIT),
        ),
        Err(_) => (String::new(), clean_line(line, LINE_LIMIT)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(text: &str) -> LogOutput {
        LogOutput::StdOut {
            message: text.to_owned().into(),
        }
    }

    fn err(text: &str) -> LogOutput {
        LogOutput::StdErr {
            message: text.to_owned().into(),
        }
    }

    fn check(frames: Vec<LogOutput>, limit: u32, expect: &[(&str, &str)]) {
        let mut lines = Lines::default();
        for frame in frames {
            lines.push(frame);
        }
        let lines = lines.finish(limit);
        let shown: Vec<(&str, &str)> = lines
            .iter()
            .map(|line| (line.at.as_str(), line.text.as_str()))
            .collect();
        assert_eq!(shown, expect);
    }

    #[test]
    fn frames_become_dated_lines() {
        check(vec![], 9, &[]);
        check(
            vec![
                out("2026-11-20T10:22:12.031466670Z one\n"),
                err("2026-11-20T10:22:13.5Z two\n"),
            ],
            9,
            &[("2026-11-20T10:22:12Z", "one"), ("2026-11-20T10:22:13Z", "two")],
        );
        // A line in pieces, with one of the other stream between.
        check(vec![out("a "), err("b\n"), out("c\n")], 9, &[("", "b"), ("", "a c")]);
        // The last line has no end, and a terminal ends lines with two bytes.
        check(vec![out("a\r\nb")], 9, &[("", "a"), ("", "b")]);
        check(vec![out("1\n2\n3\n")], 2, &[("", "2"), ("", "3")]);
        check(
            vec![out("2026-11-20T10:22:12Z \u{1b}[31mpassword=x\u{1b}[0m\n")],
            9,
            &[("2026-11-20T10:22:12Z", "password=[masked]")],
        );
        check(
            vec![LogOutput::StdOut {
                message: bytes::Bytes::from_static(b"\xff\xfe!\n"),
            }],
            9,
            &[("", "\u{fffd}\u{fffd}!")],
        );
    }

    #[test]
    fn a_key_is_masked_across_lines_with_dates() {
        check(
            vec![out(
                "2026-11-20T10:22:12Z -----BEGIN PRIVATE KEY-----\n2026-11-20T10:22:12Z MIIEvQ==\n\
                 2026-11-20T10:22:12Z -----END PRIVATE KEY-----\n2026-11-20T10:22:13Z on\n",
            )],
            9,
            &[
                ("2026-11-20T10:22:12Z", "[masked]"),
                ("2026-11-20T10:22:12Z", "[masked]"),
                ("2026-11-20T10:22:12Z", "[masked]"),
                ("2026-11-20T10:22:13Z", "on"),
            ],
        );
    }
}
