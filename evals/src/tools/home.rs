//! Lights, heating and locks. What a call may do is judged from what it is done to.

use async_trait::async_trait;
use jarvis_tools::risk::{Effect, Risk, Trust};
use jarvis_tools::{Context, Error, Output, Plan, Tool};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::state::{Entity, Kind};
use crate::world::{World, missing, plan, says};

/// Lists lights, heating and locks with their state.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StateInput {}

pub(super) struct HomeState(pub(super) World);

#[async_trait]
impl Tool for HomeState {
    type Input = StateInput;
    const NAME: &'static str = "home_state";

    fn risk(&self, _input: &StateInput) -> Risk {
        Risk::read(Trust::Operator).private()
    }

    async fn run(&self, _context: &Context, _input: StateInput) -> Result<Output, Error> {
        self.0.reads_private();
        let home = self.0.state().home;
        let line = |(id, entity): (&String, &Entity)| format!("{id} ({}) is {}", entity.name, entity.state);
        let lines: Vec<String> = home.iter().map(line).collect();
        Ok(says(lines.join("\n")))
    }
}

/// Switches a light, sets a temperature, locks or unlocks a door.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ActInput {
    /// The id of the thing: light.desk
    entity: String,
    /// The new state: on, off, locked, unlocked, or degrees.
    state: String,
}

pub(super) struct HomeAction(pub(super) World);

impl HomeAction {
    fn find(&self, id: &str) -> Result<Entity, Error> {
        let home = self.0.state().home;
        home.get(id).cloned().ok_or_else(|| missing("thing", id, home.keys()))
    }
}

#[async_trait]
impl Tool for HomeAction {
    type Input = ActInput;
    const NAME: &'static str = "home_action";

    fn risk(&self, input: &ActInput) -> Risk {
        // What is not known could be a door.
        match self.find(&input.entity).map(|entity| entity.kind) {
            Ok(Kind::Light | Kind::Climate) => Risk::acts(Effect::Reversible, Trust::Operator),
            Ok(Kind::Lock) | Err(_) => Risk::acts(Effect::Destructive, Trust::Operator),
        }
    }

    fn only_acts(&self) -> bool {
        true
    }

    fn target(&self, input: &ActInput) -> Option<String> {
        Some(input.entity.clone())
    }

    fn verbs(&self, _input: &ActInput) -> &'static [&'static str] {
        &["switch", "turn", "set"]
    }

    async fn plan(&self, _context: &Context, input: &ActInput) -> Result<Plan, Error> {
        let entity = self.find(&input.entity)?;
        let title = format!("set {} to {}", input.entity, input.state);
        Ok(plan(title, entity.state, input.state.clone()))
    }

    async fn run(&self, _context: &Context, input: ActInput) -> Result<Output, Error> {
        self.find(&input.entity)?;
        let title = format!("set {} to {}", input.entity, input.state);
        self.0.does(title.clone(), |state| {
            if let Some(entity) = state.home.get_mut(&input.entity) {
                entity.state = input.state;
            }
        });
        Ok(says(format!("{title}: done")))
    }
}
