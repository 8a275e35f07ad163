//! The files, in memory: each belongs to the user as whom it was uploaded.

use crate::answer::Refusal;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Ids look like Box's.
const FIRST_ID: u64 = 66_627_202_737;

#[derive(Default)]
pub struct Files {
    kept: Mutex<Vec<Kept>>,
    last: AtomicU64,
}

#[derive(Clone)]
pub struct Kept {
    id: u64,
    owner: String,
    name: String,
    pub size: usize,
    sha1: String,
    by: Value,
    at: DateTime<Utc>,
}

/// A file that has arrived whole.
pub struct Arrived {
    pub name: String,
    pub size: usize,
    pub sha1: String,
}

impl Files {
    /// Sorted by name.
    pub fn of(&self, owner: &str) -> Vec<Kept> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut own: Vec<Kept> = kept.iter().filter(|file| file.owner == owner).cloned().collect();
        own.sort_by(|one, other| one.name.cmp(&other.name));
        own
    }

    pub fn keep(
        &self,
        owner: &str,
        by: Value,
        arrived: Arrived,
        at: DateTime<Utc>,
    ) -> Result<Kept, Refusal> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.iter().any(|file| file.owner == owner && file.name == arrived.name) {
            return Err(Refusal::NameInUse);
        }
        let id = FIRST_ID + self.last.fetch_add(2, Ordering::Relaxed);
        let Arrived { name, size, sha1 } = arrived;
        let file = Kept { id, owner: owner.to_owned(), name, size, sha1, by, at };
        kept.push(file.clone());
        Ok(file)
    }
}

impl Kept {
    fn version(&self) -> Value {
        let id = (self.id + 1).to_string();
        json!({ "type": "file_version", "id": id, "sha1": self.sha1 })
    }

    /// As in a listing.
    pub fn short(&self) -> Value {
        json!({
            "type": "file",
            "id": self.id.to_string(),
            "file_version": self.version(),
            "sequence_id": "0",
            "etag": "0",
            "sha1": self.sha1,
            "name": self.name,
        })
    }

    /// As in the answer to an upload.
    pub fn whole(&self) -> Value {
        let root = json!({
            "type": "folder", "id": "0", "sequence_id": null, "etag": null, "name": "All Files",
        });
        let at = self.at.to_rfc3339_opts(SecondsFormat::Secs, false);
        json!({
            "type": "file",
            "id": self.id.to_string(),
            "file_version": self.version(),
            "sequence_id": "0",
            "etag": "0",
            "sha1": self.sha1,
            "name": self.name,
            "description": "",
            "size": self.size,
            "path_collection": { "total_count": 1, "entries": [root] },
            "created_at": at,
            "modified_at": at,
            "trashed_at": null,
            "purged_at": null,
            "content_created_at": at,
            "content_modified_at": at,
            "created_by": self.by,
            "modified_by": self.by,
            "owned_by": self.by,
            "shared_link": null,
            "parent": root,
            "item_status": "active",
        })
    }
}
