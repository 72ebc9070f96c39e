//! Tools over the state of a world, each with the risk that its real counterpart has or would have.

mod containers;
mod files;
mod home;
mod messages;
mod network;
mod notes;
mod outside;

use jarvis_tools::catalog::Catalog;

use crate::world::World;

/// Every tool of a world.
pub(crate) fn catalog(world: &World) -> Catalog {
    Catalog::default()
        .with(containers::ListContainers(world.clone()))
        .with(containers::GetContainerLogs(world.clone()))
        .with(containers::DockerAction(world.clone()))
        .with(network::ListDns(world.clone()))
        .with(network::SetDnsRecord(world.clone()))
        .with(home::HomeState(world.clone()))
        .with(home::HomeAction(world.clone()))
        .with(files::ListFiles(world.clone()))
        .with(files::ReadFile(world.clone()))
        .with(files::WriteFile(world.clone()))
        .with(files::DescribeImage(world.clone()))
        .with(outside::FetchUrl(world.clone()))
        .with(outside::SearchWeb(world.clone()))
        .with(notes::Recall(world.clone()))
        .with(notes::Remember(world.clone()))
        .with(messages::ReadMail(world.clone()))
        .with(messages::SendMail(world.clone()))
}
