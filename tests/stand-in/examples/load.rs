//! Asks a chat completions API at a steady pace, opens many streams, or asks one model after the other, and prints what it
//! saw as one JSON line.
//!
//! `bench/run.py` runs it against Jarvis, nginx and the stand-in alike. The pace does not wait for answers, so a slow
//! server is seen as slow and not as fewer questions. It shares a processor with the stand-in, so that it looks for what
//! it needs in the bytes of a stream as the stand-in and Jarvis write them, and does not read them as JSON.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use clap::{Parser, Subcommand};
use futures_util::StreamExt;
use futures_util::stream::{self, FuturesUnordered};
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until, timeout};

type Failure = Box<dyn Error + Send + Sync>;
type Http = Client<HttpConnector, Full<Bytes>>;

#[derive(Parser)]
struct Arguments {
    /// The whole address, such as `http://127.0.0.1:7878/v1/chat/completions`.
    #[arg(long)]
    url: String,
    /// The value of `model` in each request. `{n}` stands for the number of the request.
    #[arg(long)]
    model: String,
    /// Sent as a bearer key.
    #[arg(long)]
    key: Option<String>,
    /// How long the question is, in bytes.
    #[arg(long, default_value_t = 36)]
    question: usize,
    /// How long one answer may take, in seconds.
    #[arg(long, default_value_t = 30)]
    patience: u64,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Whole answers, started at a fixed pace.
    Pace {
        #[arg(long)]
        per_second: u32,
        #[arg(long)]
        seconds: u32,
    },
    /// Streams that are opened at a steady pace within some time, or all at once.
    Streams {
        #[arg(long)]
        count: u32,
        #[arg(long, default_value_t = 0)]
        within_ms: u64,
    },
    /// Streams one after the other.
    Each {
        #[arg(long)]
        count: u32,
    },
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "the result is this program's output")]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let http: Http = Client::builder(TokioExecutor::new()).build(connector);
    let result = match arguments.what {
        What::Pace { per_second, seconds } => pace(&arguments, &http, per_second, seconds).await,
        What::Streams { count, within_ms } => streams(&arguments, &http, count, Duration::from_millis(within_ms)).await,
        What::Each { count } => each(&arguments, &http, count).await,
    };
    println!("{result}");
    Ok(())
}

async fn pace(arguments: &Arguments, http: &Http, per_second: u32, seconds: u32) -> Value {
    // Later than now, so that the first ones do not start as one crowd.
    let start = Instant::now() + Duration::from_millis(20);
    let requests = per_second.saturating_mul(seconds);
    let answers: Vec<Result<Duration, Failure>> = stream::iter(0..requests)
        .map(|number| async move {
            sleep_until(start + Duration::from_secs(1) * number / per_second.max(1)).await;
            let asked = Instant::now();
            whole_answer(arguments, http, number).await?;
            Ok(asked.elapsed())
        })
        .buffer_unordered(usize::try_from(requests).unwrap_or(usize::MAX))
        .collect()
        .await;
    let (times, failures) = sorted(answers);
    json!({ "requests": requests, "failures": failures.0, "first_failure": failures.1,
            "median_us": at(&times, 0.5), "p99_us": at(&times, 0.99), "worst_us": at(&times, 1.0) })
}

async fn streams(arguments: &Arguments, http: &Http, count: u32, within: Duration) -> Value {
    let begun = Instant::now();
    let all: FuturesUnordered<_> = (0..count)
        .map(|number| async move {
            sleep_until(begun + within * number / count.max(1)).await;
            one_stream(arguments, http, number).await
        })
        .collect();
    told(all.collect().await, begun.elapsed())
}

async fn each(arguments: &Arguments, http: &Http, count: u32) -> Value {
    let begun = Instant::now();
    let mut answers = Vec::new();
    for number in 0..count {
        answers.push(one_stream(arguments, http, number).await);
    }
    told(answers, begun.elapsed())
}

fn told(answers: Vec<Result<Stream, Failure>>, took: Duration) -> Value {
    let asked = answers.len();
    let pieces: usize = answers.iter().flatten().map(|stream| stream.pieces).sum();
    let (first, failures) = sorted(
        answers
            .into_iter()
            .map(|answer| answer.map(|stream| stream.first))
            .collect(),
    );
    json!({ "streams": asked, "complete": first.len(), "failures": failures.0, "first_failure": failures.1,
            "pieces": pieces, "took_ms": micros(took) / 1000, "first_median_us": at(&first, 0.5),
            "first_p99_us": at(&first, 0.99), "first_worst_us": at(&first, 1.0) })
}

/// A stream that came to its proper end.
struct Stream {
    /// From the request to the first piece of text.
    first: Duration,
    pieces: usize,
}

async fn one_stream(arguments: &Arguments, http: &Http, number: u32) -> Result<Stream, Failure> {
    let asked = Instant::now();
    let mut body = http.request(request(arguments, true, number)?).await?.into_body();
    let deadline = Duration::from_secs(arguments.patience);
    let (mut line, mut first, mut pieces, mut finished) = (Vec::new(), None, 0, false);
    while let Some(frame) = timeout(deadline, body.frame()).await? {
        let Ok(data) = frame?.into_data() else { continue };
        line.extend_from_slice(&data);
        let Some(end) = line.iter().rposition(|byte| *byte == b'\n') else {
            continue;
        };
        let rest = line.split_off(end + 1);
        for whole in std::mem::replace(&mut line, rest).split(|byte| *byte == b'\n') {
            match event(whole)? {
                Some(Event::Piece) => {
                    first.get_or_insert_with(|| asked.elapsed());
                    pieces += 1;
                }
                Some(Event::Finish) => finished = true,
                Some(Event::Done) => {
                    let first = first
                        .filter(|_| finished)
                        .ok_or("the stream ended without text or finish_reason")?;
                    return Ok(Stream { first, pieces });
                }
                None => {}
            }
        }
    }
    Err("the stream ended without [DONE]".into())
}

enum Event {
    Piece,
    Finish,
    Done,
}

fn event(line: &[u8]) -> Result<Option<Event>, Failure> {
    let Some(data) = line.strip_prefix(b"data:") else {
        return Ok(None);
    };
    if data.trim_ascii() == b"[DONE]" {
        return Ok(Some(Event::Done));
    }
    let has = |what: &[u8]| memchr::memmem::find(data, what).is_some();
    if has(b"\"error\":") {
        return Err(String::from_utf8_lossy(data).into());
    }
    Ok(if has(b"\"finish_reason\":\"") {
        Some(Event::Finish)
    } else if has(b"\"content\":\"") && !has(b"\"content\":\"\"") {
        Some(Event::Piece)
    } else {
        None
    })
}

async fn whole_answer(arguments: &Arguments, http: &Http, number: u32) -> Result<(), Failure> {
    let answer = async {
        let response = http.request(request(arguments, false, number)?).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if status.is_success() {
            Ok(())
        } else {
            Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into())
        }
    };
    timeout(Duration::from_secs(arguments.patience), answer).await?
}

fn request(arguments: &Arguments, stream: bool, number: u32) -> Result<Request<Full<Bytes>>, Failure> {
    let words = "Which containers run on this server? ";
    let mut question = words.repeat(arguments.question / words.len() + 1);
    question.truncate(arguments.question);
    let body = json!({ "model": arguments.model.replace("{n}", &number.to_string()), "stream": stream,
                       "messages": [{ "role": "user", "content": question }] });
    let mut request = Request::post(&arguments.url).header(header::CONTENT_TYPE, "application/json");
    if let Some(key) = &arguments.key {
        request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
    }
    Ok(request.body(Full::new(Bytes::from(body.to_string())))?)
}

/// The times in order, and how many had none with the first reason why.
fn sorted(answers: Vec<Result<Duration, Failure>>) -> (Vec<Duration>, (usize, Option<String>)) {
    let mut times = Vec::with_capacity(answers.len());
    let mut failures = (0, None);
    for answer in answers {
        match answer {
            Ok(time) => times.push(time),
            Err(failure) => {
                failures.0 += 1;
                failures.1.get_or_insert_with(|| failure.to_string());
            }
        }
    }
    times.sort_unstable();
    (times, failures)
}

/// The time in microseconds that `share` of all stayed below; nothing of nothing.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a share of a few thousand, rounded to an index"
)]
fn at(sorted: &[Duration], share: f64) -> Option<u64> {
    let last = sorted.len().checked_sub(1)?;
    sorted.get((last as f64 * share).round() as usize).copied().map(micros)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
