//! The tools of the schedule, for models. They take times in words; nobody has to compute a date.

use std::sync::Arc;

use async_trait::async_trait;
use jarvis_gateway::clock::Clock;
use jarvis_gateway::providers::command::{CallForm, Command};
use jarvis_memory::Store;
use jarvis_memory::jobs::{JobKind, Misfire};
use jarvis_tools::catalog::Catalog;
use jarvis_tools::risk::{Effect, Risk, Trust};
use jarvis_tools::{Context, Error, OnBehalf, Output, Plan, Tool};
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::standing;
use super::view::{Reader, list};
use super::when::local;
use super::wish::{By, NotMade, TEXT_CHARS, Understood, Wish, make, read_back, rule_of, understand};
use crate::people::CurrentDirectory;
use crate::quarantine;

/// Jobs that a list shows.
const LISTED: i64 = 100;

/// The names of the tools of the schedule.
pub const TOOLS: [&str; 3] = [Schedule::NAME, ListJobs::NAME, CancelJob::NAME];

/// The catalogue with the tools that make, list and cancel jobs. `zone` is the one of times that name none.
pub fn with_jobs(
    catalog: Catalog,
    store: &Store,
    directory: &CurrentDirectory,
    clock: &Arc<dyn Clock>,
    zone: &TimeZone,
) -> Catalog {
    let desk = Desk {
        store: store.clone(),
        directory: directory.clone(),
        clock: Arc::clone(clock),
        zone: zone.clone(),
        // Not these themselves: a job makes no jobs.
        tools: catalog.names().map(str::to_owned).collect(),
    };
    catalog
        .with(Schedule(desk.clone()))
        .with(ListJobs(desk.clone()))
        .with(CancelJob(desk))
}

#[derive(Clone)]
struct Desk {
    store: Store,
    directory: CurrentDirectory,
    clock: Arc<dyn Clock>,
    zone: TimeZone,
    tools: Vec<String>,
}

fn caller(context: &Context) -> Result<&OnBehalf, Error> {
    let nobody = || Error::refused("nobody asks for this, so there is nobody to set it for");
    context.on_behalf.as_ref().ok_or_else(nobody)
}

const NOT_SET: &str = "nothing was set";
const NOT_CANCELLED: &str = "nothing was cancelled";

/// What came of it, when the database does not answer. The model is told no more, and the log why.
fn of_store(so: &'static str) -> impl FnOnce(jarvis_memory::Error) -> Error {
    move |error| {
        tracing::warn!(%error, "a tool of the schedule failed: {so}");
        Error::unavailable(format!("the database does not answer, so {so}"))
    }
}

fn of_not_made(not_made: NotMade) -> Error {
    match not_made {
        NotMade::Refused(why) => Error::refused(why),
        NotMade::Store(error) => of_store(NOT_SET)(error),
    }
}

/// Sets a reminder, or a prompt that you are asked later, once or again and again. Give the time in words as the user said
/// it; do not compute dates. The answer says what was understood and the next times: tell the user exactly that. When a time
/// can mean two things the error names the readings: ask the user which one.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ScheduleInput {
    /// What is said when the time comes. With `kind` prompt: what you are asked then.
    text: String,
    /// The time in English: `in 20 min`, `tomorrow 9:00`, `friday 18:00`, `2026-12-24 18:00`, `every 2h`, `daily 08:30`,
    /// `every monday at 9:00`, `monthly on the 1st at 9:00`, `cron 30 8 * * 1-5`.
    when: String,
    /// `message` says the text. `prompt` asks you the text at that time, and your answer is said.
    #[serde(default)]
    kind: Kind,
    /// IANA name such as `Europe/Berlin`; only when the user named another zone than their own.
    #[serde(default)]
    timezone: Option<String>,
    /// What happens to a time that passed while Jarvis was not running.
    #[serde(default)]
    if_missed: IfMissed,
    /// For a prompt that has to change something: the names of the tools that it may act with. A person has to approve
    /// it. Without, the prompt can only read.
    #[serde(default)]
    may_use: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind {
    #[default]
    Message,
    Prompt,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum IfMissed {
    #[default]
    RunOnce,
    Skip,
}

impl ScheduleInput {
    fn wish(&self) -> Wish {
        Wish {
            kind: match self.kind {
                Kind::Message => JobKind::Message,
                Kind::Prompt => JobKind::Prompt,
            },
            text: self.text.clone(),
            when: self.when.clone(),
            zone: self.timezone.clone(),
            misfire: match self.if_missed {
                IfMissed::RunOnce => Misfire::RunOnce,
                IfMissed::Skip => Misfire::Skip,
            },
            may_use: self.may_use.clone(),
        }
    }
}

struct Schedule(Desk);

impl Schedule {
    fn understood(&self, input: &ScheduleInput) -> Result<Understood, Error> {
        let unknown = input.may_use.iter().find(|name| !self.0.tools.contains(name));
        if let Some(name) = unknown {
            let name: String = name.chars().take(60).collect();
            let error = Error::refused(format!("there is no tool `{name}` that a job may use"));
            return Err(error.with_hint(format!("the tools are: {}", self.0.tools.join(", "))));
        }
        understand(&input.wish(), &self.0.zone, self.0.clock.now()).map_err(of_not_made)
    }
}

#[async_trait]
impl Tool for Schedule {
    type Input = ScheduleInput;
    const NAME: &'static str = "schedule";

    fn risk(&self, input: &Self::Input) -> Risk {
        match (input.kind, input.may_use.is_empty()) {
            (_, false) => Risk::acts(Effect::Destructive, Trust::Operator),
            (Kind::Prompt, true) => Risk::acts(Effect::Reversible, Trust::Operator),
            (Kind::Message, true) => Risk::acts(Effect::Reversible, Trust::Member),
        }
    }

    fn only_acts(&self) -> bool {
        true
    }

    /// Whoever said the time themselves asked for it.
    fn target(&self, input: &Self::Input) -> Option<String> {
        Some(input.when.clone())
    }

    /// It quotes what the call said and nothing else.
    fn untrusted_output(&self) -> bool {
        false
    }

    fn commands(&self) -> &'static [Command] {
        const CALLS: &[CallForm] = &[CallForm {
            tool: "schedule",
            arguments: &[("when", "{when}"), ("text", "{text}")],
        }];
        const COMMANDS: &[Command] = &[Command {
            phrases: &["remind me {when} to {text}"],
            calls: CALLS,
            help: "sets a reminder: `remind me in 20 min to turn the oven off`",
        }];
        COMMANDS
    }

    async fn plan(&self, _context: &Context, input: &Self::Input) -> Result<Plan, Error> {
        let understood = self.understood(input)?;
        let now = self.0.clock.now();
        let rule = understood.rule.words(&understood.zone);
        let next = super::view::upcoming(&understood.rule, &understood.zone, now);
        let (what, says) = match input.kind {
            Kind::Message => ("reminder", "it says"),
            Kind::Prompt => ("prompt", "it asks the model"),
        };
        let mut steps = vec![
            format!("{rule} ({}); next: {next}", understood.zone_name),
            format!("{says}: {}", quarantine::line(&input.text, TEXT_CHARS)),
        ];
        if input.kind == Kind::Prompt {
            steps.push(if input.may_use.is_empty() {
                "it can only read".to_owned()
            } else {
                format!(
                    "it may act with {}, each time without asking for what can be undone; what interrupts or destroys is \
                     asked for each time",
                    input.may_use.join(", ")
                )
            });
        }
        if understood.rule.is_once() {
            steps.push("a time such as `in 20 min` counts from the approval".to_owned());
        }
        Ok(Plan {
            title: format!("schedule a {what}: {}", quarantine::line(&input.text, 60)),
            says: steps,
            before: "not scheduled".to_owned(),
            after: format!("scheduled, {rule}"),
            // It rests on no state but its own arguments, which the card is bound to.
            state_hash: "schedule".to_owned(),
            undo: Some("/jobs cancel ID".to_owned()),
        })
    }

    async fn run(&self, context: &Context, input: Self::Input) -> Result<Output, Error> {
        let by = caller(context)?;
        self.understood(&input)?;
        let (store, now) = (&self.0.store, self.0.clock.now());
        let directory = self.0.directory.now();
        let principal = standing::here((store, &directory), &by.person_id, &by.conversation_id, now)
            .await
            .map_err(of_store(NOT_SET))?;
        let trust = principal.map_or(Trust::Public, |principal| principal.trust);
        let trust = match input.kind {
            // Saying a text takes no trust; what a role gives somebody is told by events alone.
            Kind::Message => trust.max(Trust::Member),
            Kind::Prompt if trust >= Trust::Operator => trust,
            Kind::Prompt => {
                return Err(Error::refused(
                    "a prompt is scheduled by an operator, as the configuration or a grant of the owner makes one",
                ));
            }
        };
        let by = By {
            person_id: by.person_id.clone(),
            conversation_id: by.conversation_id.clone(),
            trust,
            grounded: by.approved,
            tainted: by.tainted && !by.approved,
        };
        let job = make(store, &self.0.zone, now, input.wish(), by)
            .await
            .map_err(of_not_made)?;
        let next: Vec<String> = rule_of(&job).map_or_else(Vec::new, |(rule, zone)| {
            let next = rule.upcoming(&zone, now, 3);
            next.iter()
                .map(|at| local(*at, &zone).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
                .collect()
        });
        Ok(Output {
            summary: read_back(&job, now),
            data: json!({ "id": job.id, "next": next, "timezone": job.zone }),
        })
    }
}

/// Lists the reminders and recurring prompts of the one who asks.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ListJobsInput {}

struct ListJobs(Desk);

#[async_trait]
impl Tool for ListJobs {
    type Input = ListJobsInput;
    const NAME: &'static str = "list_jobs";

    fn risk(&self, _input: &Self::Input) -> Risk {
        Risk::read(Trust::Member).private()
    }

    /// What was written after outside text had been read is not shown.
    fn untrusted_output(&self) -> bool {
        false
    }

    fn commands(&self) -> &'static [Command] {
        const CALLS: &[CallForm] = &[CallForm {
            tool: "list_jobs",
            arguments: &[],
        }];
        const COMMANDS: &[Command] = &[Command {
            phrases: &[
                "jobs",
                "list jobs",
                "show jobs",
                "reminders",
                "list reminders",
                "show reminders",
            ],
            calls: CALLS,
            help: "lists reminders and recurring prompts",
        }];
        COMMANDS
    }

    async fn run(&self, context: &Context, _input: Self::Input) -> Result<Output, Error> {
        let by = caller(context)?;
        let jobs = self
            .0
            .store
            .open_jobs(Some(&by.person_id), LISTED)
            .await
            .map_err(of_store("the jobs cannot be listed"))?;
        Ok(Output {
            summary: list(&jobs, Reader::Model),
            data: Value::Null,
        })
    }
}

/// Cancels a reminder or recurring prompt of the one who asks, by its id.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CancelJobInput {
    /// As `list_jobs` shows it: `K7QXA`.
    id: String,
}

struct CancelJob(Desk);

impl CancelJob {
    async fn theirs(&self, context: &Context, id: &str) -> Result<jarvis_memory::jobs::Job, Error> {
        let by = caller(context)?;
        let job = self.0.store.job(id).await.map_err(of_store(NOT_CANCELLED))?;
        let job = job.filter(|job| job.person_id == by.person_id);
        job.ok_or_else(|| {
            let id: String = id.chars().take(16).collect();
            Error::refused(format!("there is no job `{id}` of the one who asks")).with_hint("`list_jobs` lists them")
        })
    }
}

#[async_trait]
impl Tool for CancelJob {
    type Input = CancelJobInput;
    const NAME: &'static str = "cancel_job";

    fn risk(&self, _input: &Self::Input) -> Risk {
        Risk::acts(Effect::Reversible, Trust::Member)
    }

    fn only_acts(&self) -> bool {
        true
    }

    fn target(&self, input: &Self::Input) -> Option<String> {
        Some(input.id.clone())
    }

    fn untrusted_output(&self) -> bool {
        false
    }

    fn commands(&self) -> &'static [Command] {
        const CALLS: &[CallForm] = &[CallForm {
            tool: "cancel_job",
            arguments: &[("id", "{id}")],
        }];
        const COMMANDS: &[Command] = &[Command {
            phrases: &["cancel job {id}", "cancel reminder {id}"],
            calls: CALLS,
            help: "cancels a reminder or recurring prompt",
        }];
        COMMANDS
    }

    /// Says nothing of the job itself: whose it is comes out when it is cancelled.
    async fn plan(&self, _context: &Context, input: &Self::Input) -> Result<Plan, Error> {
        let job = self.0.store.job(&input.id).await.map_err(of_store(NOT_CANCELLED))?;
        let status = job.map_or("unknown", |job| job.status.as_str());
        Ok(Plan {
            title: format!("cancel job {}", quarantine::line(&input.id, 16)),
            says: Vec::new(),
            before: status.to_owned(),
            after: "cancelled".to_owned(),
            state_hash: status.to_owned(),
            undo: None,
        })
    }

    async fn run(&self, context: &Context, input: Self::Input) -> Result<Output, Error> {
        let job = self.theirs(context, &input.id).await?;
        match self
            .0
            .store
            .cancel_job(&job.id)
            .await
            .map_err(of_store(NOT_CANCELLED))?
        {
            Some(job) => Ok(Output {
                summary: format!("**{}** is cancelled.", job.id),
                data: Value::Null,
            }),
            None => Err(Error::refused(format!("job `{}` has ended already", job.id))),
        }
    }
}
