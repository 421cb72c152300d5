//! Who is logged in, how much space is left, and whether the folder is there.

use std::time::Instant;

use reqwest::StatusCode;
use serde::Deserialize;

use super::{FIELDS, Item, OneDrive, WHOM};
use crate::{
    destinations::drive::{Call, space},
    model::{Failure, Finding},
};

#[derive(Deserialize)]
struct Drive {
    owner: Option<Owner>,
    quota: Option<Quota>,
}

#[derive(Deserialize)]
struct Owner {
    user: Option<User>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    email: String,
}

/// Without a total there is no limit.
#[derive(Deserialize)]
struct Quota {
    remaining: Option<u64>,
    total: Option<u64>,
}

impl OneDrive {
    pub(super) async fn look_around(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Err(failure) = self.look(&mut findings).await {
            findings.push(Finding::failed("log in", &failure));
        }
        findings
    }

    async fn look(&self, findings: &mut Vec<Finding>) -> Result<(), Failure> {
        let start = Instant::now();
        let token = self.wire.access.reload().await?;
        let missing = self.wire.access.missing_scopes(&token);
        let url = self.settings.drive(&[("$select", "owner,quota")]);
        let drive = match self.wire.ask::<Drive>(&Call::get(url)).await {
            // The permission for a folder of the app's own may tell nothing of the drive.
            Err(fault) if fault.is(StatusCode::FORBIDDEN) && self.settings.folder.is_none() => {
                Drive { owner: None, quota: None }
            }
            told => told.map_err(|fault| self.failure(fault, false))?,
        };
        let user = drive.owner.and_then(|owner| owner.user);
        let who = user.map_or_else(
            || "to a drive that names no owner".to_owned(),
            |user| format!("as {} <{}>", user.display_name, user.email),
        );
        let took = start.elapsed().as_millis();
        findings.push(Finding::ok("log in", format!("{who}, {took} ms")));
        if !missing.is_empty() {
            let what = format!("the login lacks {}", missing.join(" "));
            let name = &self.wire.name;
            let fix = format!(
                "give the app these permissions, then: apertur-bridge destinations login {name}"
            );
            findings.push(Finding::error("scopes", what, fix));
        }
        if let Some(quota) = drive.quota {
            let left = quota.total.filter(|total| *total > 0).and(quota.remaining);
            findings.push(space(WHOM, left));
        }
        findings.push(self.look_at_folder().await?);
        Ok(())
    }

    async fn look_at_folder(&self) -> Result<Finding, Failure> {
        let place = self.settings.place();
        let url = self.settings.item(&self.settings.folders(), "", &[FIELDS]);
        match self.wire.ask::<Item>(&Call::get(url)).await {
            Ok(Item { file: None, .. }) => Ok(Finding::ok("folder", format!("{place} is there"))),
            Ok(_) => {
                let fix = "name another folder, or move the file away";
                Ok(Finding::error("folder", format!("{place} is a file"), fix))
            }
            Err(fault) if fault.is(StatusCode::NOT_FOUND) => {
                Ok(Finding::ok("folder", format!("{place} is made with the first photo")))
            }
            Err(fault) => Err(self.failure(fault, false)),
        }
    }
}
