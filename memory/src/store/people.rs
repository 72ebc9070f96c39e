//! Persons and the rooms in which they talk.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::error::{Named, tried};
use super::{Result, Store, row};
use crate::records::{Person, Room};

impl Store {
    /// Inserts the person, or updates display name and trust.
    pub async fn put_person(&self, person: &Person) -> Result<()> {
        let query = sqlx::query(
            "INSERT INTO persons (id, display, trust) VALUES ($1, $2, $3)
             ON CONFLICT (id) DO UPDATE SET display = excluded.display, trust = excluded.trust",
        )
        .bind(&person.id)
        .bind(&person.display)
        .bind(person.trust);
        tried(Named("store person", &person.id), async {
            query.execute(&self.write).await.map(drop)
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
                "INSERT INTO rooms (id, platform, external_id, ceiling, public) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (platform, external_id) DO NOTHING",
            )
            .bind(&wanted.id)
            .bind(&wanted.platform)
            .bind(&wanted.external_id)
            .bind(wanted.ceiling)
            .bind(i64::from(wanted.public))
            .execute(&self.write)
            .await?;
            self.find_room(wanted).await?.ok_or(sqlx::Error::RowNotFound)
        })
        .await
    }

    pub async fn room_by_id(&self, id: &str) -> Result<Option<Room>> {
        let query = sqlx::query("SELECT id, platform, external_id, ceiling, public FROM rooms WHERE id = $1").bind(id);
        tried(Named("read room", id), async {
            query.fetch_optional(&self.read).await?.as_ref().map(room).transpose()
        })
        .await
    }

    async fn find_room(&self, wanted: &Room) -> sqlx::Result<Option<Room>> {
        let found = sqlx::query(
            "SELECT id, platform, external_id, ceiling, public FROM rooms WHERE platform = $1 AND external_id = $2",
        )
        .bind(&wanted.platform)
        .bind(&wanted.external_id)
        .fetch_optional(&self.read)
        .await?;
        found.as_ref().map(room).transpose()
    }
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
    })
}
