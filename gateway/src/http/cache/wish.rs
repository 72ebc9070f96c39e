//! Whether a request wants an answer from the cache, and for how long its own may be kept.

use std::time::Duration;

use http::HeaderMap;
use http::header::HeaderName;

use super::shelf::Cache;
use crate::caller::Caller;
use crate::http::error::Error;

pub(super) const HEADER: HeaderName = HeaderName::from_static("x-jarvis-cache");
/// What an answer says in it: it was kept; it was asked for; the same question was being asked already.
pub(super) const HIT: &str = "hit";
pub(super) const MISS: &str = "miss";
pub(super) const JOINED: &str = "joined";
/// Thirty days.
const LONGEST: u64 = 30 * 24 * 60 * 60;

/// What the request says wins over what the key says. `None` when the cache is not wanted.
pub(super) fn wish(cache: &Cache, headers: &HeaderMap, caller: &Caller) -> Result<Option<Duration>, Error> {
    let of_key = caller.key().and_then(|key| key.allowance.cache);
    let Some(value) = headers.get(HEADER) else {
        return Ok(of_key);
    };
    match value.to_str().unwrap_or_default() {
        "off" => Ok(None),
        "on" => Ok(Some(of_key.unwrap_or_else(|| cache.usual_time()))),
        text => {
            let seconds = text.strip_prefix("ttl=").and_then(|seconds| seconds.parse().ok());
            let seconds = seconds.filter(|seconds| (1..=LONGEST).contains(seconds));
            let time = seconds.map(Duration::from_secs).ok_or_else(|| {
                let says = format!("{HEADER} is on, off, or ttl=SECONDS with 1 to {LONGEST} seconds");
                Error::invalid(Some(HEADER.as_str()), "invalid_value", says)
            })?;
            Ok(Some(time))
        }
    }
}
