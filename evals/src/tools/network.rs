//! Names on the net.

use async_trait::async_trait;
use jarvis_tools::risk::{Effect, Risk, Trust};
use jarvis_tools::{Context, Error, Output, Plan, Tool};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::world::{World, missing, plan, says};

/// Lists the records of a DNS zone.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListInput {
    /// The zone: home.example
    zone: String,
}

pub(super) struct ListDns(pub(super) World);

#[async_trait]
impl Tool for ListDns {
    type Input = ListInput;
    const NAME: &'static str = "list_dns";

    fn risk(&self, _input: &ListInput) -> Risk {
        Risk::read(Trust::Operator)
    }

    fn target(&self, input: &ListInput) -> Option<String> {
        Some(input.zone.clone())
    }

    async fn run(&self, _context: &Context, input: ListInput) -> Result<Output, Error> {
        let zones = self.0.state().zones;
        let Some(zone) = zones.get(&input.zone) else {
            return Err(missing("zone", &input.zone, zones.keys()));
        };
        let lines: Vec<String> = zone.iter().map(|(name, value)| format!("{name} {value}")).collect();
        Ok(says(lines.join("\n")))
    }
}

/// Creates or changes one record of a DNS zone.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetInput {
    /// The zone: home.example
    zone: String,
    /// The record's name within the zone: www
    name: String,
    /// The new value: 203.0.113.10
    value: String,
}

pub(super) struct SetDnsRecord(pub(super) World);

#[async_trait]
impl Tool for SetDnsRecord {
    type Input = SetInput;
    const NAME: &'static str = "set_dns_record";

    fn risk(&self, _input: &SetInput) -> Risk {
        Risk::acts(Effect::Destructive, Trust::Operator)
    }

    fn only_acts(&self) -> bool {
        true
    }

    fn target(&self, input: &SetInput) -> Option<String> {
        Some(input.zone.clone())
    }

    async fn plan(&self, _context: &Context, input: &SetInput) -> Result<Plan, Error> {
        let zones = self.0.state().zones;
        let Some(zone) = zones.get(&input.zone) else {
            return Err(missing("zone", &input.zone, zones.keys()));
        };
        let before = zone.get(&input.name).cloned().unwrap_or_else(|| "no record".to_owned());
        let title = format!("set {}.{} to {}", input.name, input.zone, input.value);
        Ok(plan(title, before, input.value.clone()))
    }

    async fn run(&self, _context: &Context, input: SetInput) -> Result<Output, Error> {
        let title = format!("set {}.{} to {}", input.name, input.zone, input.value);
        self.0.does(title.clone(), |state| {
            let zone = state.zones.entry(input.zone).or_default();
            zone.insert(input.name, input.value);
        });
        Ok(says(format!("{title}: done")))
    }
}
