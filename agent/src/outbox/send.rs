//! Sending one thing, and what is written down of it.

use std::sync::Arc;
use std::time::Duration;

use jarvis_memory::records::{AuditEvent, Delivery, DeliveryKind, DeliveryState};
use rand::RngExt;
use serde_json::{Value, json};

use crate::approvals;
use crate::conversations;
use crate::guard::guarded;
use crate::parts::Parts;
use crate::people;
use crate::platform::{Adapter, Button, Delivered, Outgoing, RoomId, SendError};
use crate::quarantine;

/// A platform that has not answered by then may have shown it.
const SEND_LIMIT: Duration = Duration::from_secs(30);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);
/// An answer that is older helps nobody any more.
const GIVE_UP: Duration = Duration::from_hours(24);
/// How often a message is sent again though nobody knows whether it was shown.
const MOST_DOUBTS: i64 = 1;
/// How often a copy of a card is tried to be changed; what it shows is refused by the card itself.
const MOST_CHANGES: i64 = 20;

/// How long the operators are not told again that nothing can be shown in a room.
const TOLD_AGAIN: Duration = Duration::from_hours(1);
/// Messages among which the last such notice is looked for.
const LOOKED_AT: i64 = 100;

/// The text and the buttons of a delivery, and what of a card they show.
struct Shape {
    text: String,
    buttons: Vec<Button>,
}

pub(super) async fn send(parts: &Parts, delivery: &Delivery) {
    let Some(adapter) = parts.outbox.adapter(&delivery.platform) else {
        return;
    };
    match parts.store.take_delivery(&delivery.id).await {
        Ok(true) => {}
        Ok(false) => return,
        Err(error) => {
            tracing::warn!(delivery.id = delivery.id, %error, "a delivery waits because the database does not answer");
            return;
        }
    }
    let shape = match shape(parts, delivery).await {
        Ok(Some(shape)) => shape,
        Ok(None) => return close(parts, delivery, DeliveryState::Dropped, "decided before it was shown").await,
        Err(error) => return put_off(parts, delivery, None, 0, &error.to_string()).await,
    };
    let sent = match room(adapter.as_ref(), delivery).await {
        Ok(room) => {
            let outgoing = outgoing(parts, delivery, shape);
            let sending = guarded(async move { adapter.send(&room, &outgoing).await });
            match tokio::time::timeout(SEND_LIMIT, sending).await {
                Ok(Some(sent)) => sent,
                Ok(None) => Err(SendError::Unknown("the adapter broke off by a fault of its own".into())),
                Err(_) => Err(SendError::Unknown(format!("no answer within {SEND_LIMIT:?}"))),
            }
        }
        Err(error) => Err(error),
    };
    match sent {
        Ok(shown) => record(parts, delivery, &shown).await,
        Err(SendError::Refused(says)) => close(parts, delivery, DeliveryState::Failed, &says).await,
        Err(SendError::Later { says, after }) => put_off(parts, delivery, after, 0, &says).await,
        Err(SendError::Unknown(says)) => in_doubt(parts, delivery, &says).await,
    }
}

/// For what a former process was sending when it ended.
pub(super) async fn cut_off(parts: &Parts, delivery: &Delivery) {
    in_doubt(parts, delivery, "Jarvis was stopped while it was sent").await;
}

/// 1. A platform that knows repeats is asked again: by its answer nobody is in doubt any more.
/// 2. A message is sent once more.
/// 3. Anything else is left as it is, with a row in the audit.
async fn in_doubt(parts: &Parts, delivery: &Delivery, says: &str) {
    let adapter = parts.outbox.adapter(&delivery.platform);
    let knows_repeats = adapter.is_some_and(|adapter| adapter.caps().knows_repeats);
    let again = match delivery.kind {
        DeliveryKind::Message | DeliveryKind::Words => delivery.doubts < MOST_DOUBTS,
        DeliveryKind::Card => false,
    };
    if knows_repeats || again {
        put_off(parts, delivery, None, 1, says).await;
    } else {
        close(parts, delivery, DeliveryState::Unknown, says).await;
    }
}

/// Opens the direct conversation where there is only an account.
async fn room(adapter: &dyn Adapter, delivery: &Delivery) -> Result<RoomId, SendError> {
    if !delivery.opens {
        return Ok(RoomId {
            platform: delivery.platform.clone(),
            room: delivery.room.clone(),
            server: delivery.server.clone(),
            direct: delivery.direct,
        });
    }
    let later = |says: &str| SendError::Later {
        says: says.into(),
        after: None,
    };
    // Nothing is shown by opening, so that nobody is in doubt when it broke off.
    match tokio::time::timeout(SEND_LIMIT, guarded(adapter.direct(&delivery.room))).await {
        Ok(Some(Err(SendError::Unknown(says)))) => Err(later(&says)),
        Ok(Some(opened)) => opened,
        Ok(None) => Err(later("the adapter broke off by a fault of its own")),
        Err(_) => Err(later("the direct conversation was not opened in time")),
    }
}

async fn shape(parts: &Parts, delivery: &Delivery) -> Result<Option<Shape>, jarvis_memory::Error> {
    let Some(id) = delivery
        .approval_id
        .as_deref()
        .filter(|_| delivery.kind == DeliveryKind::Card)
    else {
        return Ok(Some(Shape {
            text: delivery.text.clone(),
            buttons: Vec::new(),
        }));
    };
    let Some(card) = parts.store.approval(id).await? else {
        return Ok(None);
    };
    if delivery.shown.is_none() && !approvals::is_open(&card) {
        return Ok(None);
    }
    let by = match card.requester_id.as_deref() {
        Some(id) => parts.store.person(id).await?.map(|person| person.display),
        None => None,
    };
    let votes = delivery.wanted.as_deref().and_then(|wanted| wanted.split_once('/'));
    let votes = votes.and_then(|(_, votes)| votes.parse().ok()).unwrap_or(0);
    let (text, buttons) = approvals::shown(&card, votes, by.as_deref().unwrap_or("somebody who is forgotten"));
    Ok(Some(Shape { text, buttons }))
}

/// The last step before every send.
fn outgoing(parts: &Parts, delivery: &Delivery, shape: Shape) -> Outgoing {
    let outlet = people::outlet(&delivery.platform, delivery.public);
    Outgoing {
        key: delivery.id.clone(),
        text: parts.gate.text(outlet, &shape.text),
        buttons: shape.buttons,
        answers: delivery.answers.clone(),
    }
}

/// What was shown is written down, however long the database takes: without the row it would be shown again.
async fn record(parts: &Parts, delivery: &Delivery, shown: &Delivered) {
    let wanted = delivery.wanted.as_deref();
    let (room, message) = (shown.room.room.as_str(), shown.message.as_str());
    while let Err(error) = parts
        .store
        .delivery_sent(&delivery.id, room, message, wanted, parts.now())
        .await
    {
        tracing::error!(delivery.id = delivery.id, %error, "what was shown could not be written down; it is tried again");
        let pause = tokio::time::sleep(FIRST_PAUSE);
        if parts.tasks.stopping().run_until_cancelled(pause).await.is_none() {
            return;
        }
    }
}

async fn put_off(parts: &Parts, delivery: &Delivery, after: Option<Duration>, doubt: i64, says: &str) {
    let now = parts.now();
    if now.since(delivery.created_at) >= GIVE_UP {
        return close(parts, delivery, DeliveryState::Failed, says).await;
    }
    let next = now.plus(after.unwrap_or_else(|| pause(delivery.attempts)));
    tracing::info!(
        delivery.id = delivery.id,
        delivery.platform = delivery.platform,
        says,
        "a delivery is tried again later"
    );
    if let Err(error) = parts
        .store
        .delivery_later(&delivery.id, next, doubt, &bounded(says))
        .await
    {
        tracing::error!(delivery.id = delivery.id, %error, "a delivery could not be put off; the next start settles it");
    }
}

/// Twice as long each time, and not all at the same moment.
fn pause(attempts: i64) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(1 << attempts.clamp(0, 16));
    doubled.min(LONGEST_PAUSE).mul_f64(rand::rng().random_range(0.75..1.25))
}

async fn close(parts: &Parts, delivery: &Delivery, state: DeliveryState, says: &str) {
    let says = bounded(says);
    match parts.store.delivery_over(&delivery.id, state, &says).await {
        Ok(true) => {}
        // Whoever has it now ends it.
        Ok(false) => return,
        Err(error) => {
            tracing::error!(delivery.id = delivery.id, %error, "the end of a delivery could not be written down");
            return;
        }
    }
    if state == DeliveryState::Dropped {
        return;
    }
    let event = AuditEvent {
        kind: "delivery.failed".to_owned(),
        via: delivery.platform.clone(),
        approval_id: delivery.approval_id.clone(),
        outcome: Some(state.as_str().to_owned()),
        detail: Some(json!({
            "what": delivery.kind.as_str(), "delivery": delivery.id, "room": delivery.room, "says": says,
        })),
        ..AuditEvent::default()
    };
    if let Err(error) = parts.store.append_audit(&event, parts.now()).await {
        tracing::error!(delivery.id = delivery.id, %error, "a failed delivery is not in the audit");
    }
    tracing::warn!(
        delivery.id = delivery.id,
        delivery.platform = delivery.platform,
        delivery.room = delivery.room,
        outcome = state.as_str(),
        says,
        "something could not be shown"
    );
    if state == DeliveryState::Failed
        && let Err(error) = tell_operators(parts, delivery).await
    {
        tracing::error!(delivery.id = delivery.id, %error, "the operators are not told of a failed delivery");
    }
}

/// Without what the platform said, which is outside text and stands in the audit. One notice for a room and a while: one
/// that is closed to Jarvis refuses everything.
async fn tell_operators(parts: &Parts, delivery: &Delivery) -> Result<(), crate::Error> {
    let conversation = conversations::of_operators(parts).await?;
    let place: String = format!("{}:{}", delivery.platform, delivery.room)
        .chars()
        .take(100)
        .collect();
    let place = quarantine::one_line(&place);
    let newest = parts.store.messages(&conversation.id, None, LOOKED_AT).await?;
    let is_told = newest.iter().any(|message| {
        message.detail.get("undelivered").and_then(Value::as_str) == Some(place.as_str())
            && parts.now().since(message.created_at) < TOLD_AGAIN
    });
    if is_told {
        return Ok(());
    }
    let what = match &delivery.approval_id {
        Some(id) if delivery.kind == DeliveryKind::Card => format!("The card **{id}**"),
        Some(_) | None => "A message".to_owned(),
    };
    let text = format!(
        "{what} could not be shown in `{place}` and is not sent there again. The audit says why. More of it is told after \
         an hour."
    );
    let detail = json!({ "undelivered": place });
    conversations::add_event(parts, &conversation.id, None, text, detail).await?;
    Ok(())
}

fn bounded(says: &str) -> String {
    says.chars().take(500).collect()
}

/// Changes a shown copy of a card to what the card says now. To do it twice does no harm, so that nobody is in doubt.
pub(super) async fn change(parts: &Parts, delivery: &Delivery) {
    let (Some(adapter), Some(wanted)) = (parts.outbox.adapter(&delivery.platform), delivery.wanted.as_deref()) else {
        return;
    };
    let changed = match shape(parts, delivery).await {
        Ok(Some(shape)) => edit(parts, adapter, delivery, shape).await,
        Ok(None) => Ok(()),
        Err(error) => {
            tracing::warn!(delivery.id = delivery.id, %error, "a card is changed later because the database does not answer");
            return;
        }
    };
    let written = match changed {
        Ok(()) => parts.store.delivery_edited(&delivery.id, wanted, None).await,
        Err(SendError::Refused(says)) => {
            parts
                .store
                .delivery_edited(&delivery.id, wanted, Some(&bounded(&says)))
                .await
        }
        Err(error) if delivery.attempts >= MOST_CHANGES => {
            let says = bounded(&error.to_string());
            parts.store.delivery_edited(&delivery.id, wanted, Some(&says)).await
        }
        Err(error) => {
            let after = match &error {
                SendError::Later { after, .. } => *after,
                SendError::Refused(_) | SendError::Unknown(_) => None,
            };
            let next = parts.now().plus(after.unwrap_or_else(|| pause(delivery.attempts)));
            let says = bounded(&error.to_string());
            parts.store.delivery_later(&delivery.id, next, 0, &says).await
        }
    };
    if let Err(error) = written {
        tracing::warn!(delivery.id = delivery.id, %error, "the change of a card could not be written down; it is made again");
    }
}

async fn edit(parts: &Parts, adapter: Arc<dyn Adapter>, delivery: &Delivery, shape: Shape) -> Result<(), SendError> {
    // Where nothing can be changed, the card itself refuses late clicks, in one line.
    if !adapter.caps().edits {
        return Ok(());
    }
    let shown = Delivered {
        room: RoomId {
            platform: delivery.platform.clone(),
            room: delivery.shown_room.clone().unwrap_or_else(|| delivery.room.clone()),
            server: delivery.server.clone(),
            direct: delivery.direct || delivery.opens,
        },
        message: delivery.shown_message.clone().unwrap_or_default(),
    };
    let outgoing = outgoing(parts, delivery, shape);
    match tokio::time::timeout(
        SEND_LIMIT,
        guarded(async move { adapter.edit(&shown, &outgoing).await }),
    )
    .await
    {
        Ok(Some(edited)) => edited,
        Ok(None) => Err(SendError::Unknown("the adapter broke off by a fault of its own".into())),
        Err(_) => Err(SendError::Unknown(format!("no answer within {SEND_LIMIT:?}"))),
    }
}
