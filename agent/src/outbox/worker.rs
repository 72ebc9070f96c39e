//! The task that looks what is due and sends it.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use jarvis_memory::records::{Delivery, DeliveryState};

use super::send;
use crate::parts::Parts;

/// Sends that are under way at once, over all platforms.
const AT_ONCE: usize = 16;
/// Rows that are looked at for them: a place for each, were all that are under way not yet marked as taken.
const LOOKED_AT: i64 = 16;
/// How often the outbox is looked into without a ring: for what is to be tried again.
const LOOK: Duration = Duration::from_secs(2);
/// Rows that a start settles at once. More than one a place cannot be.
const IN_DOUBT: i64 = 1_000;

/// Where something is shown: platform, room, and whether the room is an account.
type Place = (String, String, bool);

/// Begins to send, first of all what the dead were sending when they ended.
pub(crate) fn start(parts: &Parts) {
    let (parts, tasks) = (parts.clone(), parts.tasks.clone());
    tasks.spawn("outbox", async move { run(&parts).await });
}

async fn run(parts: &Parts) {
    let nobody = parts.as_nobody();
    let mut cut_off: Vec<Delivery> = Vec::new();
    let stopping = parts.tasks.stopping().clone();
    let mut under_way: FuturesUnordered<BoxFuture<'_, Place>> = FuturesUnordered::new();
    let mut busy: HashSet<Place> = HashSet::new();
    loop {
        if parts.outbox.is_to_settle() {
            match parts.store.deliveries(DeliveryState::Sending, IN_DOUBT).await {
                Ok(left) => cut_off = left,
                Err(error) => {
                    tracing::warn!(%error, "what was being sent is looked at later, because the database does not answer");
                    parts.outbox.settle();
                }
            }
        }
        // What is best for them depends on the platform, so that they wait for it.
        let connected = |delivery: &mut Delivery| parts.outbox.adapter(&delivery.platform).is_some();
        for delivery in cut_off.extract_if(.., connected).collect::<Vec<_>>() {
            send::cut_off(&nobody, &delivery).await;
        }
        let is_full = under_way.len() >= AT_ONCE;
        if !is_full {
            for (delivery, is_change) in due(parts).await {
                let place = place(&delivery);
                if under_way.len() >= AT_ONCE || !busy.insert(place.clone()) {
                    continue;
                }
                under_way.push(
                    async move {
                        if is_change {
                            send::change(parts, &delivery).await;
                        } else {
                            send::send(parts, &delivery).await;
                        }
                        place
                    }
                    .boxed(),
                );
            }
        }
        tokio::select! {
            () = stopping.cancelled() => break,
            Some(place) = under_way.next(), if !under_way.is_empty() => { busy.remove(&place); }
            () = parts.outbox.rung(), if !is_full => {}
            () = tokio::time::sleep(LOOK) => {}
        }
        // One look for all that have ended.
        while let Some(Some(place)) = under_way.next().now_or_never() {
            busy.remove(&place);
        }
    }
    // What is under way has a time limit of its own; what waits is for the next start.
    while under_way.next().await.is_some() {}
}

/// What is new, and the copies of cards that have to change.
async fn due(parts: &Parts) -> Vec<(Delivery, bool)> {
    let (platforms, now, limit) = (parts.outbox.platforms(), parts.now(), LOOKED_AT);
    let new = parts.store.due_deliveries(&platforms, now, limit);
    let outdated = parts.store.outdated_cards(&platforms, now, limit);
    match tokio::try_join!(new, outdated) {
        Ok((new, outdated)) => {
            let outdated = outdated.into_iter().map(|delivery| (delivery, true));
            new.into_iter()
                .map(|delivery| (delivery, false))
                .chain(outdated)
                .collect()
        }
        Err(error) => {
            tracing::warn!(%error, "the outbox cannot be looked into; what is in it waits");
            Vec::new()
        }
    }
}

fn place(delivery: &Delivery) -> Place {
    (delivery.platform.clone(), delivery.room.clone(), delivery.opens)
}
