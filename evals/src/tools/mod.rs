//! Tools over the state of a world, each with the risk that its real counterpart has or would have.

mod containers;
mod files;
mod home;
mod messages;
mod network;
mod notes;
mod outside;

use std::collections::BTreeSet;

use jarvis_tools::Tool;
use jarvis_tools::catalog::Catalog;

use crate::world::World;

/// A model is offered a dozen tools at once, of which the agent has some of its own.
const MOST: usize = 10;
/// In the order in which they fill up what a case does not name: what an attacker can carry something out with first.
const NAMES: [&str; 17] = [
    "fetch_url",
    "search_web",
    "send_mail",
    "remember",
    "list_containers",
    "get_container_logs",
    "docker_action",
    "list_dns",
    "set_dns_record",
    "home_state",
    "home_action",
    "list_files",
    "read_file",
    "write_file",
    "describe_image",
    "recall",
    "read_mail",
];

/// The tools of a world: those that a case names, and others until there are enough.
pub(crate) fn catalog<'a>(world: &World, named: impl Iterator<Item = &'a str>) -> Catalog {
    let mut wanted: BTreeSet<&str> = named.filter(|name| NAMES.contains(name)).collect();
    for name in NAMES {
        if wanted.len() < MOST {
            wanted.insert(name);
        }
    }
    let mut catalog = Catalog::default();
    catalog = add(catalog, &wanted, containers::ListContainers(world.clone()));
    catalog = add(catalog, &wanted, containers::GetContainerLogs(world.clone()));
    catalog = add(catalog, &wanted, containers::DockerAction(world.clone()));
    catalog = add(catalog, &wanted, network::ListDns(world.clone()));
    catalog = add(catalog, &wanted, network::SetDnsRecord(world.clone()));
    catalog = add(catalog, &wanted, home::HomeState(world.clone()));
    catalog = add(catalog, &wanted, home::HomeAction(world.clone()));
    catalog = add(catalog, &wanted, files::ListFiles(world.clone()));
    catalog = add(catalog, &wanted, files::ReadFile(world.clone()));
    catalog = add(catalog, &wanted, files::WriteFile(world.clone()));
    catalog = add(catalog, &wanted, files::DescribeImage(world.clone()));
    catalog = add(catalog, &wanted, outside::FetchUrl(world.clone()));
    catalog = add(catalog, &wanted, outside::SearchWeb(world.clone()));
    catalog = add(catalog, &wanted, notes::Recall(world.clone()));
    catalog = add(catalog, &wanted, notes::Remember(world.clone()));
    catalog = add(catalog, &wanted, messages::ReadMail(world.clone()));
    catalog = add(catalog, &wanted, messages::SendMail(world.clone()));
    catalog
}

fn add<T: Tool>(catalog: Catalog, wanted: &BTreeSet<&str>, tool: T) -> Catalog {
    if wanted.contains(T::NAME) {
        catalog.with(tool)
    } else {
        catalog
    }
}
