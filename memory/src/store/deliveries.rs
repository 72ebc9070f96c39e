//! The outbox: what platforms are to show, what they showed, and which copies of a card show something old.

use jarvis_gateway::clock::Millis;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Row, Transaction};

use super::error::{Named, tried};
use super::{Result, Store, row};
use crate::records::{Delivery, DeliveryKind, DeliveryState, Message, MessageRole};

const SELECT: &str =
    "SELECT d.id, d.kind, d.platform, d.room, d.server, d.direct, d.opens, d.message_id, d.approval_id,
      COALESCE(r.public, 0) AS public, COALESCE(m.text, d.text) AS text,
      (SELECT u.external_id FROM messages u WHERE u.run_id = m.run_id AND u.role = 'user'
       ORDER BY u.id LIMIT 1) AS answers,
      d.state, d.attempts, d.doubts, d.next_at, d.created_at, d.shown_room, d.shown_message, d.shown,
      (SELECT a.status || '/' || COUNT(v.person_id) FROM approvals a
       LEFT JOIN approval_votes v ON v.approval_id = a.id WHERE a.id = d.approval_id GROUP BY a.id) AS wanted,
      d.fault
    FROM deliveries d LEFT JOIN messages m ON m.id = d.message_id
      LEFT JOIN rooms r ON d.opens = 0 AND r.platform = d.platform AND r.external_id = d.room";

const FREE: &str = "COALESCE(d.instance_id, '') = ''";

impl Store {
    /// Puts something into the outbox. What is there already under this id stays as it is.
    pub async fn deliver(&self, delivery: &Delivery) -> Result<()> {
        let query = insert(delivery);
        tried(Named("put into the outbox", &delivery.id), async {
            query.execute(&self.write).await.map(drop)
        })
        .await
    }

    /// The first that waits in each place of these platforms, when its time has come, oldest first.
    pub async fn due_deliveries(&self, platforms: &[String], now: Millis, limit: i64) -> Result<Vec<Delivery>> {
        let condition = "d.state = 'waiting' AND d.next_at <= $1 AND NOT EXISTS (
               SELECT 1 FROM deliveries e WHERE e.platform = d.platform AND e.room = d.room AND e.opens = d.opens
                 AND e.state IN ('waiting', 'sending') AND e.id < d.id)";
        self.chosen_deliveries(condition, platforms, now, limit).await
    }

    /// Copies of cards that show something else than the card says now, when their time has come.
    pub async fn outdated_cards(&self, platforms: &[String], now: Millis, limit: i64) -> Result<Vec<Delivery>> {
        let condition = "d.kind = 'card' AND d.state = 'sent' AND d.next_at <= $1 AND d.shown <> (
               SELECT a.status || '/' || COUNT(v.person_id) FROM approvals a
               LEFT JOIN approval_votes v ON v.approval_id = a.id WHERE a.id = d.approval_id GROUP BY a.id)";
        self.chosen_deliveries(condition, platforms, now, limit).await
    }

    async fn chosen_deliveries(
        &self,
        condition: &str,
        platforms: &[String],
        now: Millis,
        limit: i64,
    ) -> Result<Vec<Delivery>> {
        if platforms.is_empty() {
            return Ok(Vec::new());
        }
        let places: Vec<String> = (0..platforms.len()).map(|index| format!("${}", index + 3)).collect();
        let sql = format!(
            "{SELECT} WHERE {condition} AND d.platform IN ({}) ORDER BY d.id LIMIT $2",
            places.join(", ")
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).bind(now.0).bind(limit.max(0));
        for platform in platforms {
            query = query.bind(platform);
        }
        tried("look into the outbox", async {
            row::all(&query.fetch_all(&self.read).await?, delivery)
        })
        .await
    }

    /// Those in this state, oldest first. Of those that are being sent, the ones that nobody is at work on: the dead have
    /// left them.
    pub async fn deliveries(&self, state: DeliveryState, limit: i64) -> Result<Vec<Delivery>> {
        let sql = format!("{SELECT} WHERE d.state = $1 AND (d.state <> 'sending' OR {FREE}) ORDER BY d.id LIMIT $2");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(state.as_str()).bind(limit.max(0));
        tried("look into the outbox", async {
            row::all(&query.fetch_all(&self.read).await?, delivery)
        })
        .await
    }

    pub async fn delivery(&self, id: &str) -> Result<Option<Delivery>> {
        let query = sqlx::query(AssertSqlSafe(format!("{SELECT} WHERE d.id = $1"))).bind(id);
        tried(Named("read delivery", id), async {
            query
                .fetch_optional(&self.read)
                .await?
                .as_ref()
                .map(delivery)
                .transpose()
        })
        .await
    }

    /// All copies of a card, oldest first.
    pub async fn copies_of_card(&self, approval_id: &str) -> Result<Vec<Delivery>> {
        let sql = format!("{SELECT} WHERE d.approval_id = $1 ORDER BY d.id");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(super::approvals::canonical(approval_id));
        tried(Named("list the copies of card", approval_id), async {
            row::all(&query.fetch_all(&self.read).await?, delivery)
        })
        .await
    }

    /// `waiting` to `sending`. `false` when somebody else has it.
    pub async fn take_delivery(&self, id: &str) -> Result<bool> {
        let query = sqlx::query(
            "UPDATE deliveries SET state = 'sending', attempts = attempts + 1, instance_id = $2
             WHERE id = $1 AND state = 'waiting'",
        )
        .bind(id)
        .bind(self.me().to_string());
        tried(Named("take delivery", id), async {
            Ok(query.execute(&self.write).await?.rows_affected() == 1)
        })
        .await
    }

    /// It was shown there. `shown` is what of a card it shows. Nothing changes when another instance has it by now.
    pub async fn delivery_sent(
        &self,
        id: &str,
        room: &str,
        message: &str,
        shown: Option<&str>,
        now: Millis,
    ) -> Result<()> {
        let query = sqlx::query(
            "UPDATE deliveries SET state = 'sent', shown_room = $2, shown_message = $3, shown = $4, sent_at = $5,
               next_at = $5, attempts = 0, fault = NULL
             WHERE id = $1 AND (state <> 'sending' OR COALESCE(instance_id, '') = $6)",
        )
        .bind(id)
        .bind(room)
        .bind(message)
        .bind(shown)
        .bind(now.0)
        .bind(self.me().to_string());
        tried(Named("record delivery", id), async {
            query.execute(&self.write).await.map(drop)
        })
        .await
    }

    /// A shown copy of a card shows `shown` now, or is as good as that.
    pub async fn delivery_edited(&self, id: &str, shown: &str, fault: Option<&str>) -> Result<()> {
        let query = sqlx::query("UPDATE deliveries SET shown = $2, fault = $3, attempts = 0 WHERE id = $1")
            .bind(id)
            .bind(shown)
            .bind(fault);
        tried(Named("record the change of delivery", id), async {
            query.execute(&self.write).await.map(drop)
        })
        .await
    }

    /// It is tried again at `next_at`. `doubt` adds to those of it that may have been shown. A sent copy stays sent: it is
    /// its change that is tried again.
    pub async fn delivery_later(&self, id: &str, next_at: Millis, doubt: i64, fault: &str) -> Result<()> {
        let query = sqlx::query(
            "UPDATE deliveries SET next_at = $2, doubts = doubts + $3, fault = $4,
               attempts = CASE WHEN state = 'sent' THEN attempts + 1 ELSE attempts END,
               state = CASE WHEN state = 'sending' THEN 'waiting' ELSE state END
             WHERE id = $1 AND (state = 'sent' OR state = 'sending' AND COALESCE(instance_id, '') = $5)",
        )
        .bind(id)
        .bind(next_at.0)
        .bind(doubt)
        .bind(fault)
        .bind(self.me().to_string());
        tried(Named("put off delivery", id), async {
            query.execute(&self.write).await.map(drop)
        })
        .await
    }

    /// It is not sent (again): `failed`, `unknown` or `dropped`. `false` when another instance has it by now.
    pub async fn delivery_over(&self, id: &str, state: DeliveryState, fault: &str) -> Result<bool> {
        let query = sqlx::query(
            "UPDATE deliveries SET state = $2, fault = $3
             WHERE id = $1 AND state = 'sending' AND COALESCE(instance_id, '') = $4",
        )
        .bind(id)
        .bind(state.as_str())
        .bind(fault)
        .bind(self.me().to_string());
        tried(Named("close delivery", id), async {
            Ok(query.execute(&self.write).await?.rows_affected() == 1)
        })
        .await
    }
}

pub(super) fn insert(delivery: &Delivery) -> Query<'_, Any, AnyArguments> {
    sqlx::query(
        "INSERT INTO deliveries (id, kind, platform, room, server, direct, opens, message_id, approval_id, text, state,
           attempts, doubts, next_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'waiting', 0, 0, $11, $12) ON CONFLICT (id) DO NOTHING",
    )
    .bind(&delivery.id)
    .bind(delivery.kind.as_str())
    .bind(&delivery.platform)
    .bind(&delivery.room)
    .bind(&delivery.server)
    .bind(i64::from(delivery.direct))
    .bind(i64::from(delivery.opens))
    .bind(&delivery.message_id)
    .bind(&delivery.approval_id)
    .bind(&*row::kept(&delivery.text))
    .bind(delivery.next_at.0)
    .bind(delivery.created_at.0)
}

/// A message that Jarvis says in a room of a platform is in the outbox as soon as it is a message at all.
pub(super) async fn of_message(transaction: &mut Transaction<'_, Any>, message: &Message) -> sqlx::Result<()> {
    match message.role {
        MessageRole::User => return Ok(()),
        MessageRole::Assistant | MessageRole::Event => {}
    }
    sqlx::query(
        "INSERT INTO deliveries (id, kind, platform, room, server, direct, opens, message_id, text, state, attempts, doubts,
           next_at, created_at)
         SELECT $1, 'message', r.platform, r.external_id, r.server_id, r.direct, 0, $1, '', 'waiting', 0, 0, $3, $3
         FROM conversations c JOIN rooms r ON r.id = c.room_id
         WHERE c.id = $2 AND r.platform NOT IN ('local', 'key')",
    )
    .bind(&message.id)
    .bind(&message.conversation_id)
    .bind(message.created_at.0)
    .execute(&mut **transaction)
    .await
    .map(drop)
}

fn delivery(row: &AnyRow) -> sqlx::Result<Delivery> {
    Ok(Delivery {
        id: row.try_get("id")?,
        kind: row::word(row, "kind", &DeliveryKind::ALL, DeliveryKind::as_str)?,
        platform: row.try_get("platform")?,
        room: row.try_get("room")?,
        server: row.try_get("server")?,
        direct: row::flag(row, "direct")?,
        opens: row::flag(row, "opens")?,
        message_id: row.try_get("message_id")?,
        approval_id: row.try_get("approval_id")?,
        public: row::flag(row, "public")?,
        text: row.try_get("text")?,
        answers: row.try_get("answers")?,
        state: row::word(row, "state", &DeliveryState::ALL, DeliveryState::as_str)?,
        attempts: row.try_get("attempts")?,
        doubts: row.try_get("doubts")?,
        next_at: row::millis(row, "next_at")?,
        created_at: row::millis(row, "created_at")?,
        shown_room: row.try_get("shown_room")?,
        shown_message: row.try_get("shown_message")?,
        shown: row.try_get("shown")?,
        wanted: row.try_get("wanted")?,
        fault: row.try_get("fault")?,
    })
}
