//! Folders on the way to a photo. Drive takes two folders of one name, so they are looked for and
//! made by one at a time, and of two that were made by two bridges the older one is everybody's.

use std::collections::HashMap;

use reqwest::StatusCode;
use tokio::sync::Mutex;

use super::{GoogleDrive, api::Root};
use crate::model::Failure;

/// Folders that are known.
#[derive(Debug, Default)]
pub(super) struct Folders(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    root: Option<Root>,
    /// By path, parted by slashes.
    ids: HashMap<String, String>,
}

/// Most folders that are remembered; then all are forgotten, since keys come by date.
const MOST: usize = 10_000;

impl GoogleDrive {
    /// The root, and the innermost of these folders; `None` when it is not there and none is to
    /// be made.
    pub(super) async fn folder(
        &self,
        path: &[&str],
        makes: bool,
    ) -> Result<(Root, Option<String>), Failure> {
        let mut known = self.folders.0.lock().await;
        let root = match &known.root {
            Some(root) => root.clone(),
            None => known.root.insert(self.root().await?).clone(),
        };
        let (mut parent, mut so_far) = (root.id.clone(), String::new());
        for name in path {
            so_far = format!("{so_far}/{name}");
            if let Some(id) = known.ids.get(&so_far) {
                parent.clone_from(id);
                continue;
            }
            let Some(id) = self.one_folder(&root, (&parent, name), makes).await? else {
                return Ok((root, None));
            };
            if known.ids.len() >= MOST {
                known.ids.clear();
            }
            known.ids.insert(so_far.clone(), id.clone());
            parent = id;
        }
        Ok((root, Some(parent)))
    }

    /// Forgets every folder: one of them is gone.
    pub(super) async fn forget(&self) {
        *self.folders.0.lock().await = Known::default();
    }

    async fn one_folder(
        &self,
        root: &Root,
        (parent, name): (&str, &str),
        makes: bool,
    ) -> Result<Option<String>, Failure> {
        let look = || async {
            match self.folders_named(root, parent, name).await {
                Ok(found) => Ok(found.into_iter().next()),
                // A folder that was remembered is gone, and all below it.
                Err(fault) if fault.is(StatusCode::NOT_FOUND) && parent != root.id => Ok(None),
                Err(fault) => Err(self.failure(fault, false)),
            }
        };
        let found = look().await?;
        if found.is_some() || !makes {
            return Ok(found.map(|folder| folder.id));
        }
        let made = self.make_folder(parent, name).await.map_err(|f| self.failure(f, false))?;
        // Another bridge may have made one meanwhile; both keep the older one.
        match look().await? {
            Some(oldest) if oldest.is_older(&made) => {
                self.delete(&made.id).await?;
                Ok(Some(oldest.id))
            }
            _ => Ok(Some(made.id)),
        }
    }
}
