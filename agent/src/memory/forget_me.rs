//! `/forgetme`: everything of a person, over all their accounts, after they said it twice.

use std::time::Duration;

use jarvis_memory::people::{Forget, Forgotten};
use jarvis_memory::records::AuditEvent;
use rand::RngExt;
use serde_json::json;

use crate::agent::Agent;
use crate::error::Error;
use crate::instances;
use crate::plain::{Asked, Reply};
use crate::principal::{Account, Principal, readable};

/// How long a wish waits for being said again.
const VALID: Duration = Duration::from_mins(10);
/// How long their turns may take to end when they are stopped: an act that has begun is finished and written down first.
const ENDING: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);

/// What `/forgetme` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ForgetWish {
    Ask,
    Confirm,
}

/// The words after `/forgetme`.
pub(crate) fn forget_wish(words: &[&str]) -> Option<ForgetWish> {
    match words {
        [] => Some(ForgetWish::Ask),
        [word] if word.eq_ignore_ascii_case("confirm") => Some(ForgetWish::Confirm),
        _ => None,
    }
}

const REMAINS: &str = "What I cannot take back:\n\
    - what others wrote, also where they quote you or speak of you;\n\
    - what the platforms themselves keep of your messages and of my answers;\n\
    - backups of the database, until whoever runs this Jarvis removes them;\n\
    - the audit, which is only ever added to: it names you by a number and says which acts were asked for, decided and \
    done, with the names of what they were done to, and which accounts were linked;\n\
    - how much was used, in numbers;\n\
    - of each account a hash, so that old messages are not taken in again.";

impl Agent {
    pub(crate) async fn forget_me(&self, asked: Asked<'_>, wish: ForgetWish) -> Result<Reply, Error> {
        let parts = self.parts();
        let (principal, conversation) = (asked.principal, asked.conversation_id);
        let now = parts.now();
        match wish {
            ForgetWish::Ask => {
                let until = now.plus(VALID);
                parts
                    .store
                    .wish_to_be_forgotten(&principal.person_id, conversation, until)
                    .await?;
                Ok(Reply::shown_once(format!(
                    "This deletes what you wrote to me from all your accounts, what I answered, what I did for it, what is \
                     remembered by you or about you, your reminders, and the links between your accounts. It cannot be \
                     undone.{}\n\nSay `/forgetme confirm` here within {} minutes to do it.\n\n{REMAINS}",
                    of_owner(principal),
                    VALID.as_secs() / 60
                )))
            }
            ForgetWish::Confirm => {
                if !parts
                    .store
                    .take_forget_wish(&principal.person_id, conversation, now)
                    .await?
                {
                    let text = "Nothing waits for that here. Say `/forgetme` first; it holds for ten minutes, in this \
                                conversation.";
                    return Ok(Reply::shown_once(text.to_owned()));
                }
                self.forget_now(principal).await
            }
        }
    }

    async fn forget_now(&self, principal: &Principal) -> Result<Reply, Error> {
        let parts = self.parts();
        let person = principal.person_id.as_str();
        let deadline = tokio::time::Instant::now() + ENDING;
        loop {
            let running = parts.store.running_turns_of(person).await?;
            if running.is_empty() {
                break;
            }
            for conversation in &running {
                instances::stop(parts, conversation, Some(person)).await;
            }
            if tokio::time::Instant::now() >= deadline {
                let text = "Something that you asked for is still being done, and has to be written down first. Nothing was \
                            deleted; say `/forgetme` again in a minute.";
                return Ok(Reply::shown_once(text.to_owned()));
            }
            tokio::time::sleep(POLL).await;
        }
        let names = self.names_of(principal).await?;
        // The number alone: what happened stays written when the person is gone.
        let event = AuditEvent {
            kind: "person.forget".to_owned(),
            person_id: Some(person.to_owned()),
            via: principal.surface.as_str().to_owned(),
            ..AuditEvent::default()
        };
        parts.store.append_audit(&event, parts.now()).await?;
        let salt: String = hex::encode(rand::rng().random::<[u8; 16]>());
        let forget = Forget {
            person_id: person,
            names: &names,
            salt: &salt,
            now: parts.now(),
        };
        let forgotten = parts.store.forget_person(&forget).await?;
        let event = AuditEvent {
            kind: "person.forgotten".to_owned(),
            outcome: Some(if forgotten.is_some() { "ok" } else { "gone" }.to_owned()),
            detail: forgotten.as_ref().map(|forgotten| {
                json!({ "messages": forgotten.messages, "turns": forgotten.turns, "memories": forgotten.memories,
                        "accounts": forgotten.accounts, "conversations": forgotten.conversations })
            }),
            ..event
        };
        if let Err(error) = parts.store.append_audit(&event, parts.now()).await {
            tracing::error!(%error, "that a person was forgotten is not in the audit");
        }
        let store = parts.store.clone();
        parts.tasks.spawn_one_of_many("clean the file", async move {
            if let Err(error) = store.wipe().await {
                tracing::warn!(%error, "what was forgotten may still stand in unused parts of the database file");
            }
        });
        Ok(Reply::shown_once(told(forgotten)))
    }

    /// How the person is called where a name stands for one.
    async fn names_of(&self, principal: &Principal) -> Result<Vec<String>, Error> {
        let known = self.parts().store.known_person(&principal.person_id).await?;
        let mut names: Vec<String> = Vec::new();
        // The owner of the machine is called so, whoever that is.
        if principal.account_of.is_some() {
            names.push(principal.name.clone());
        }
        for identity in known.map(|known| known.identities).unwrap_or_default() {
            let account = Account {
                id: identity.account,
                handle: identity.handle,
                why: String::new(),
            };
            names.push(format!("{} ({})", readable(&account), identity.platform));
        }
        names.dedup();
        Ok(names)
    }
}

fn of_owner(principal: &Principal) -> &'static str {
    if principal.trust < jarvis_tools::risk::Trust::Owner {
        return "";
    }
    " You are the owner: the configuration, keys, and accounts that it lists as yours stay, and so you stay the owner. \
     Conversations of the console and of the terminal that only you wrote in go too."
}

fn told(forgotten: Option<Forgotten>) -> String {
    let done = match forgotten {
        Some(of) => format!(
            "Done: {} messages, {} turns, {} memories and {} accounts of yours are deleted.",
            of.messages, of.turns, of.memories, of.accounts
        ),
        None => "There was nothing of you.".to_owned(),
    };
    format!("{done} Who writes to me from them again is somebody new to me.\n\n{REMAINS}")
}
