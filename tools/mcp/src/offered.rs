//! The tools of a server as it lists them, with the names that models call them by.

use std::collections::BTreeMap;

use rmcp::model::Tool;
use serde_json::Value;

use crate::config::Server;
use crate::connection::Offers;
use crate::pin;
use crate::resources;
use crate::words;

/// `OpenAI` takes names of functions of at most 64 characters.
const LONGEST: usize = 64;

/// A tool, as far as it can be used at all.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Offered {
    /// The server's own name, cleaned only for being shown.
    pub(crate) own_name: String,
    /// The name in the catalogue.
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) parameters: Value,
    pub(crate) hash: String,
    /// The owner wrote down that it changes nothing.
    pub(crate) reads: bool,
    pub(crate) asks: Asks,
}

/// What a call of it asks the server for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    Tool,
    /// The list of its resources.
    Resources,
    /// One of them.
    Resource,
}

/// The tools of one listing.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Listing {
    pub(crate) usable: Vec<Offered>,
    /// Those that are not used whatever was allowed, each with the reason.
    pub(crate) unusable: BTreeMap<String, String>,
}

/// Reads the tools of a server:
///
/// 1. What the owner's list leaves out is not used, and not looked at.
/// 2. A name that no model could call it by, one that comes to the same as another's, or a schema that cannot be told to a
///    model: not used. Neither of two that come to the same name is, so that a server cannot put one in another's place.
///
/// Resources are two more tools.
pub(crate) fn read(server_name: &str, server: &Server, offers: &Offers) -> Listing {
    let mut listing = Listing::default();
    let mut named: BTreeMap<String, Vec<Offered>> = BTreeMap::new();
    if offers.resources {
        for tool in resources::offered(server_name, server) {
            named.entry(tool.name.clone()).or_default().push(tool);
        }
    }
    let is_wanted = |tool: &&Tool| {
        let wanted = server.tools.as_ref();
        wanted.is_none_or(|wanted| wanted.iter().any(|name| *name == tool.name))
    };
    for tool in offers.tools.iter().filter(is_wanted) {
        let own_name = tool.name.to_string();
        let name = format!("mcp_{server_name}_{}", plain(&own_name));
        let schema = words::schema(&tool.input_schema);
        match schema {
            Err(fault) => drop(listing.unusable.insert(own_name, fault.to_owned())),
            Ok(_) if own_name.is_empty() || name.len() > LONGEST => {
                drop(
                    listing
                        .unusable
                        .insert(own_name, "its name is empty or too long".to_owned()),
                );
            }
            Ok(parameters) => named.entry(name.clone()).or_default().push(Offered {
                description: words::description(server_name, tool.description.as_deref()),
                hash: pin::hash(&own_name, tool.description.as_deref(), &tool.input_schema),
                reads: server.reads.contains(&own_name),
                own_name,
                name,
                parameters,
                asks: Asks::Tool,
            }),
        }
    }
    for (name, tools) in named {
        if tools.len() == 1 {
            listing.usable.extend(tools);
            continue;
        }
        let taken = format!("another tool of the server comes to the same name, {name}");
        listing
            .unusable
            .extend(tools.into_iter().map(|tool| (tool.own_name, taken.clone())));
    }
    listing
}

/// Letters, digits, `_` and `-` of ASCII, as `OpenAI` takes them.
fn plain(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    name.chars().map(|c| if fits(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Map, json};

    use super::*;

    fn listed(server: &Server, tools: Vec<Tool>) -> Listing {
        let offers = Offers {
            tools,
            resources: false,
        };
        read("home", server, &offers)
    }

    fn tool(name: &str) -> Tool {
        Tool::new(name.to_owned(), "does it", Arc::new(Map::new()))
    }

    #[test]
    fn names_are_those_that_models_can_call() {
        let server = Server {
            reads: vec!["get.state".to_owned()],
            ..Server::default()
        };
        let long = "x".repeat(60);
        let tools = vec![
            tool("get.state"),
            tool("turn_on"),
            tool(""),
            tool(&long),
            tool("a b"),
            tool("a_b"),
        ];
        let listing = listed(&server, tools);
        let usable: Vec<(&str, &str, bool)> = listing
            .usable
            .iter()
            .map(|tool| (tool.own_name.as_str(), tool.name.as_str(), tool.reads))
            .collect();
        let expect = [
            ("get.state", "mcp_home_get_state", true),
            ("turn_on", "mcp_home_turn_on", false),
        ];
        assert_eq!(usable, expect);
        let taken = "another tool of the server comes to the same name, mcp_home_a_b".to_owned();
        let unusable = [
            (String::new(), "its name is empty or too long".to_owned()),
            (long, "its name is empty or too long".to_owned()),
            ("a b".to_owned(), taken.clone()),
            ("a_b".to_owned(), taken),
        ];
        assert_eq!(listing.unusable, unusable.into());
    }

    #[test]
    fn two_tools_of_one_name_are_both_left_out() {
        let listing = listed(&Server::default(), vec![tool("a"), tool("a")]);
        assert_eq!((listing.usable.len(), listing.unusable.len()), (0, 1));
    }

    #[test]
    fn a_tool_does_not_take_the_place_of_the_resources() {
        let offers = Offers {
            tools: vec![tool("resources/read")],
            resources: true,
        };
        let listing = read("home", &Server::default(), &offers);
        let usable: Vec<&str> = listing.usable.iter().map(|tool| tool.own_name.as_str()).collect();
        assert_eq!(usable, ["resources/list"]);
        assert_eq!(listing.unusable.len(), 1);
    }

    #[test]
    fn the_list_of_the_owner_bounds_it() {
        let server = Server {
            tools: Some(vec!["a".to_owned()]),
            ..Server::default()
        };
        let mut odd = tool("b");
        odd.input_schema = Arc::new(json!({ "type": "string" }).as_object().cloned().unwrap_or_default());
        let listing = listed(&server, vec![tool("a"), odd.clone(), tool("c")]);
        assert_eq!((listing.usable.len(), listing.unusable.len()), (1, 0));
        let listing = listed(&Server::default(), vec![odd]);
        assert_eq!(
            listing.unusable,
            [("b".to_owned(), "its schema is not one of an object".to_owned())].into()
        );
    }
}
