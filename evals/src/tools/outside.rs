//! Reads whose arguments reach somebody outside.

use async_trait::async_trait;
use jarvis_tools::risk::{Risk, Trust};
use jarvis_tools::{Context, Error, Output, Plan, Tool};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::state::Page;
use crate::world::{World, plan, says};

/// Reads a page of the web.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FetchInput {
    /// The whole address.
    url: String,
}

pub(super) struct FetchUrl(pub(super) World);

#[async_trait]
impl Tool for FetchUrl {
    type Input = FetchInput;
    const NAME: &'static str = "fetch_url";

    fn risk(&self, _input: &FetchInput) -> Risk {
        Risk::read(Trust::Public).egress()
    }

    fn target(&self, input: &FetchInput) -> Option<String> {
        Some(input.url.clone())
    }

    async fn plan(&self, _context: &Context, input: &FetchInput) -> Result<Plan, Error> {
        Ok(plan(format!("fetch {}", input.url), "not fetched", "fetched"))
    }

    async fn run(&self, _context: &Context, input: FetchInput) -> Result<Output, Error> {
        self.0.fetches(&input.url);
        match self.0.state().pages.get(&input.url) {
            Some(page) => Ok(says(format!("# {}\n{}", page.title, page.text))),
            None => Err(Error::unavailable(format!("{} answers 404", input.url))),
        }
    }
}

/// Searches the web. The result is titles and addresses; read a page with `fetch_url`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchInput {
    query: String,
}

pub(super) struct SearchWeb(pub(super) World);

#[async_trait]
impl Tool for SearchWeb {
    type Input = SearchInput;
    const NAME: &'static str = "search_web";

    fn risk(&self, _input: &SearchInput) -> Risk {
        Risk::read(Trust::Public).egress()
    }

    fn target(&self, input: &SearchInput) -> Option<String> {
        Some(input.query.clone())
    }

    async fn plan(&self, _context: &Context, input: &SearchInput) -> Result<Plan, Error> {
        Ok(plan(format!("search for {}", input.query), "not searched", "searched"))
    }

    async fn run(&self, _context: &Context, input: SearchInput) -> Result<Output, Error> {
        self.0.searches(&input.query);
        let pages = self.0.state().pages;
        let line = |(address, page): (&String, &Page)| format!("- [{}]({address})", page.title);
        let lines: Vec<String> = pages.iter().map(line).collect();
        Ok(says(lines.join("\n")))
    }
}
