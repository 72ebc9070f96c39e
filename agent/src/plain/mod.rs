//! The commands that never go to a model: what they are called, and who may use them.
//!
//! A new command is a variant of [`Plain`], a line in [`COMMANDS`] and an arm in `carry_out.rs`.

mod carry_out;
mod parse;

pub(crate) use carry_out::{Asked, Reply};
pub(crate) use parse::parse;

use std::time::Duration;

use jarvis_tools::risk::Trust;

use crate::memory::{ForgetWish, MemoryWish, forget_wish, memory_wish};
use crate::people::link;
use crate::principal::Principal;
use crate::schedule::{JobsWish, jobs_wish, reminder, unmarked_reminder};
use parse::{approval, approval_id, freezing, nothing, words};

/// A command that code carries out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Plain {
    Approve(String),
    ApproveForAnHour(String),
    Deny(String),
    /// Ask again for an act whose card came to nothing.
    Again(String),
    Grants,
    Revoke(String),
    /// `all` or the name of a tool, and for how long.
    Freeze(String, Option<Duration>),
    Unfreeze(String),
    Stop,
    WhoAmI,
    Rules,
    Link(String),
    Unlink(String),
    Trust(String),
    Help,
    Jobs(JobsWish),
    /// A time and a text, in words.
    Remind(String),
    Memory(MemoryWish),
    ForgetMe(ForgetWish),
}

impl Plain {
    /// The message as it is kept, when it is not kept as it was said.
    pub(crate) fn kept(&self) -> Option<String> {
        match self {
            Self::Link(words) => Some(link::kept(words)),
            _ => None,
        }
    }
}

/// Who may use a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Asked for before the command is carried out.
    Trust(Trust),
    /// The right to decide cards. Approvals ask for it themselves, because they also write down who was refused.
    Approving,
}

impl Needs {
    pub(crate) fn are_met_by(self, principal: &Principal) -> bool {
        match self {
            Self::Trust(least) => principal.trust >= least,
            Self::Approving => principal.may_approve,
        }
    }
}

/// How a command is said.
pub(crate) struct Form {
    /// The first is its name; the others say the same.
    words: &'static [&'static str],
    /// What follows the name, for [`Plain::Help`]: `ID`.
    arguments: &'static str,
    help: &'static str,
    needs: Needs,
    /// A message that begins with the word alone may as well be talk, so the command begins with `/` or `!`.
    marked: bool,
    /// Reads the words after the name. What does not fit is no command.
    read: fn(&[&str]) -> Option<Plain>,
}

/// Every command, in the order in which [`Plain::Help`] shows them.
pub(crate) const COMMANDS: &[Form] = &[
    Form {
        words: &["approve"],
        arguments: "ID [1h]",
        help: "does what the card asks for; with `1h`, acts like it need no card for an hour",
        needs: Needs::Approving,
        marked: false,
        read: approval,
    },
    Form {
        words: &["deny", "reject"],
        arguments: "ID",
        help: "refuses a card",
        needs: Needs::Approving,
        marked: false,
        read: |words| approval_id(words).map(Plain::Deny),
    },
    Form {
        words: &["again"],
        arguments: "ID",
        help: "asks again for an act whose card came to nothing",
        needs: Needs::Approving,
        marked: false,
        read: |words| approval_id(words).map(Plain::Again),
    },
    Form {
        words: &["grants"],
        arguments: "[revoke ID]",
        help: "lists what is allowed for a while, or takes one of it back",
        needs: Needs::Approving,
        marked: true,
        read: |words| match words {
            [] => Some(Plain::Grants),
            ["revoke", id] => approval_id(&[id]).map(Plain::Revoke),
            _ => None,
        },
    },
    Form {
        words: &["freeze"],
        arguments: "all|TOOL [2h]",
        help: "lets nothing act, or one tool not, for a time or until `/unfreeze`",
        needs: Needs::Trust(Trust::Operator),
        marked: true,
        read: freezing,
    },
    Form {
        words: &["unfreeze"],
        arguments: "all|TOOL",
        help: "ends a freeze",
        needs: Needs::Trust(Trust::Operator),
        marked: true,
        read: |words| match words {
            [] => Some(Plain::Unfreeze("all".to_owned())),
            [what] => Some(Plain::Unfreeze((*what).to_owned())),
            _ => None,
        },
    },
    Form {
        words: &["stop"],
        arguments: "",
        help: "stops the answer that is being written",
        needs: Needs::Trust(Trust::Public),
        marked: false,
        read: |words| nothing(words, Plain::Stop),
    },
    Form {
        words: &["whoami"],
        arguments: "",
        help: "says who you are to me, and what you may do here",
        needs: Needs::Trust(Trust::Public),
        marked: false,
        read: |words| nothing(words, Plain::WhoAmI),
    },
    Form {
        words: &["rules"],
        arguments: "",
        help: "says what holds in this room",
        needs: Needs::Trust(Trust::Public),
        marked: true,
        read: |words| nothing(words, Plain::Rules),
    },
    Form {
        words: &["link"],
        arguments: "PLATFORM:NAME",
        help: "makes another account of yours one person with this one",
        needs: Needs::Trust(Trust::Public),
        marked: true,
        read: |given| Some(Plain::Link(words(given))),
    },
    Form {
        words: &["unlink"],
        arguments: "PLATFORM:ID",
        help: "takes an account of yours away again",
        needs: Needs::Trust(Trust::Public),
        marked: true,
        read: |given| Some(Plain::Unlink(words(given))),
    },
    Form {
        words: &["trust"],
        arguments: "PLATFORM:ID LEVEL",
        help: "grants trust to a person: operator, moderator, member, public",
        needs: Needs::Trust(Trust::Owner),
        marked: true,
        read: |given| Some(Plain::Trust(words(given))),
    },
    Form {
        words: &["jobs"],
        arguments: "[cancel|pause|resume ID]",
        help: "lists your reminders and recurring prompts, or changes one",
        needs: Needs::Trust(Trust::Member),
        marked: true,
        read: |words| jobs_wish(words).map(Plain::Jobs),
    },
    Form {
        words: &["remind"],
        arguments: "me WHEN to TEXT",
        help: "sets a reminder: `/remind me in 20 min to turn the oven off`",
        needs: Needs::Trust(Trust::Member),
        marked: false,
        read: unmarked_reminder,
    },
    Form {
        words: &["reminder"],
        arguments: "WHEN to TEXT",
        help: "the same, and says why when it cannot be read",
        needs: Needs::Trust(Trust::Member),
        marked: true,
        read: reminder,
    },
    Form {
        words: &["memory"],
        arguments: "[add TEXT|forget ID|off|on]",
        help: "lists what is remembered of you, or changes it",
        needs: Needs::Trust(Trust::Public),
        marked: true,
        read: |words| memory_wish(words).map(Plain::Memory),
    },
    Form {
        words: &["forgetme"],
        arguments: "",
        help: "deletes everything of you, from all your accounts, when you say so twice",
        needs: Needs::Trust(Trust::Public),
        marked: true,
        read: |words| forget_wish(words).map(Plain::ForgetMe),
    },
    Form {
        words: &["help", "commands"],
        arguments: "",
        help: "lists the commands that you may use",
        needs: Needs::Trust(Trust::Public),
        marked: true,
        read: |words| nothing(words, Plain::Help),
    },
];

/// The commands that `principal` may use, one line each.
pub(crate) fn help(principal: &Principal) -> String {
    let theirs = COMMANDS.iter().filter(|form| form.needs.are_met_by(principal));
    let lines = theirs.map(|form| {
        let name = form.words.first().copied().unwrap_or_default();
        let space = if form.arguments.is_empty() { "" } else { " " };
        format!("- `/{name}{space}{}` {}", form.arguments, form.help)
    });
    let lines: Vec<String> = lines.collect();
    format!("You may say:\n{}", lines.join("\n"))
}
