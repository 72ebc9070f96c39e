//! Persons and the rooms in which they talk.

use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, Row};

use super::error::{Named, tried};
use super::{Result, Store, row};
use crate::records::{Conversation, Person, Room};

impl Store {
    /// Inserts the person, or updates display name and trust.
    pub async fn put_person(&self, person: &Person) -> Result<()> {
        tried(Named("store person", &person.id), async {
            put(person).execute(&self.write).await.map(drop)
        })
        .await
    }

    pub async fn person(&self, id: &str) -> Result<Option<Person>> {
        let query = sqlx::query("SELECT id, display, trust FROM persons WHERE id = $1").bind(id);
        tried(Named("read person", id), async {
            query.fetch_optional(&self.read).await?.as_ref().map(person).transpose()
        })
        .await
    }

    /// Finds the room by platform and external id, or makes it as `wanted` says. One that exists is not changed.
    pub async fn room(&self, wanted: &Room) -> Result<Room> {
        tried(Named("find or make room", &wanted.external_id), async {
            if let Some(found) = self.find_room(wanted).await? {
                return Ok(found);
            }
            sqlx::query(
                "INSERT INTO rooms (id, platform, external_id, ceiling, public, server_id, direct)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)
                 ON CONFLICT (platform, external_id) DO NOTHING",
            )
            .bind(&wanted.id)
            .bind(&wanted.platform)
            .bind(&wanted.external_id)
            .bind(wanted.ceiling)
            .bind(i64::from(wanted.public))
            .bind(&wanted.server_id)
            .bind(i64::from(wanted.direct))
            .execute(&self.write)
            .await?;
            self.find_room(wanted).await?.ok_or(sqlx::Error::RowNotFound)
        })
        .await
    }

    /// Like [`Self::room`], and what is written down of a room that exists becomes what is `wanted`, but for its id.
    pub async fn placed_room(&self, wanted: &Room) -> Result<Room> {
        let found = self.room(wanted).await?;
        let now = Room {
            id: found.id.clone(),
            ..wanted.clone()
        };
        if now == found {
            return Ok(found);
        }
        let query =
            sqlx::query("UPDATE rooms SET ceiling = $2, public = $3, server_id = $4, direct = $5 WHERE id = $1")
                .bind(&now.id)
                .bind(now.ceiling)
                .bind(i64::from(now.public))
                .bind(&now.server_id)
                .bind(i64::from(now.direct));
        tried(Named("write down room", &wanted.external_id), async {
            query.execute(&self.write).await.map(drop)
        })
        .await?;
        Ok(now)
    }

    /// The conversation of a room: everybody's, or with `person_id` that of one person. `wanted` when there is none yet.
    pub async fn conversation_of_room(&self, person_id: Option<&str>, wanted: &Conversation) -> Result<Conversation> {
        let person = person_id.unwrap_or_default();
        tried(Named("find or make the conversation of room", &wanted.room_id), async {
            if let Some(found) = self.find_conversation(&wanted.room_id, person).await? {
                return Ok(found);
            }
            let mut transaction = self.write.begin().await?;
            super::conversations::insert(wanted).execute(&mut *transaction).await?;
            let is_ours = sqlx::query(
                "INSERT INTO room_conversations (room_id, person_id, conversation_id) VALUES ($1, $2, $3)
                 ON CONFLICT (room_id, person_id) DO NOTHING",
            )
            .bind(&wanted.room_id)
            .bind(person)
            .bind(&wanted.id)
            .execute(&mut *transaction)
            .await?;
            // Somebody else's first message was faster.
            if is_ours.rows_affected() == 0 {
                transaction.rollback().await?;
            } else {
                transaction.commit().await?;
            }
            let found = self.find_conversation(&wanted.room_id, person).await?;
            found.ok_or(sqlx::Error::RowNotFound)
        })
        .await
    }

    /// The room as [`Self::placed_room`] leaves it, with its conversation as [`Self::conversation_of_room`] finds it, asked
    /// for at once. `None` when the room or its conversation is still to be made, or when the room is not as `wanted`.
    pub async fn settled(&self, person_id: Option<&str>, wanted: &Room) -> Result<Option<Conversation>> {
        let query = sqlx::query(
            "SELECT c.id, c.room_id, c.title, c.created_at, c.updated_at
             FROM rooms r JOIN room_conversations o ON o.room_id = r.id AND o.person_id = $1
               JOIN conversations c ON c.id = o.conversation_id
             WHERE r.platform = $2 AND r.external_id = $3 AND r.ceiling = $4 AND r.public = $5 AND r.direct = $6
               AND COALESCE(r.server_id, '') = COALESCE($7, '')",
        )
        .bind(person_id.unwrap_or_default())
        .bind(&wanted.platform)
        .bind(&wanted.external_id)
        .bind(wanted.ceiling)
        .bind(i64::from(wanted.public))
        .bind(i64::from(wanted.direct))
        .bind(&wanted.server_id);
        tried(Named("find the conversation of room", &wanted.external_id), async {
            let found = query.fetch_optional(&self.read).await?;
            found.as_ref().map(super::conversations::conversation).transpose()
        })
        .await
    }

    async fn find_conversation(&self, room_id: &str, person_id: &str) -> sqlx::Result<Option<Conversation>> {
        let found = sqlx::query(
            "SELECT c.id, c.room_id, c.title, c.created_at, c.updated_at
             FROM room_conversations r JOIN conversations c ON c.id = r.conversation_id
             WHERE r.room_id = $1 AND r.person_id = $2",
        )
        .bind(room_id)
        .bind(person_id)
        .fetch_optional(&self.read)
        .await?;
        found.as_ref().map(super::conversations::conversation).transpose()
    }

    pub async fn room_by_id(&self, id: &str) -> Result<Option<Room>> {
        let query = sqlx::query(
            "SELECT id, platform, external_id, ceiling, public, server_id, direct FROM rooms WHERE id = $1",
        )
        .bind(id);
        tried(Named("read room", id), async {
            query.fetch_optional(&self.read).await?.as_ref().map(room).transpose()
        })
        .await
    }

    async fn find_room(&self, wanted: &Room) -> sqlx::Result<Option<Room>> {
        let found = sqlx::query(
            "SELECT id, platform, external_id, ceiling, public, server_id, direct FROM rooms
             WHERE platform = $1 AND external_id = $2",
        )
        .bind(&wanted.platform)
        .bind(&wanted.external_id)
        .fetch_optional(&self.read)
        .await?;
        found.as_ref().map(room).transpose()
    }
}

/// A person who is there already as they are costs no write.
pub(super) fn put(person: &Person) -> Query<'_, Any, AnyArguments> {
    sqlx::query(
        "INSERT INTO persons (id, display, trust) VALUES ($1, $2, $3)
         ON CONFLICT (id) DO UPDATE SET display = excluded.display, trust = excluded.trust
         WHERE persons.display <> excluded.display OR persons.trust <> excluded.trust",
    )
    .bind(&person.id)
    .bind(&*row::kept(&person.display))
    .bind(person.trust)
}

/// Keeps others from deciding by what there is of this person, until the transaction ends.
pub(super) fn hold(person_id: &str) -> Query<'_, Any, AnyArguments> {
    sqlx::query("UPDATE persons SET trust = trust WHERE id = $1").bind(person_id)
}

fn person(row: &AnyRow) -> sqlx::Result<Person> {
    Ok(Person {
        id: row.try_get("id")?,
        display: row.try_get("display")?,
        trust: row.try_get("trust")?,
    })
}

fn room(row: &AnyRow) -> sqlx::Result<Room> {
    Ok(Room {
        id: row.try_get("id")?,
        platform: row.try_get("platform")?,
        external_id: row.try_get("external_id")?,
        ceiling: row.try_get("ceiling")?,
        public: row::flag(row, "public")?,
        server_id: row.try_get("server_id")?,
        direct: row::flag(row, "direct")?,
    })
}
