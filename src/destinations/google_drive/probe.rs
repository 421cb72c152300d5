//! Who is logged in, how much space is left, and whether the folder is there. Writes nothing.

use std::time::Instant;

use serde::Deserialize;

use super::{GoogleDrive, WHOM};
use crate::{
    destinations::drive::{Call, space},
    model::{Failure, Finding},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct About {
    user: User,
    storage_quota: Option<Quota>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    email_address: String,
}

/// Numbers are texts; without a limit there is none.
#[derive(Deserialize)]
struct Quota {
    limit: Option<String>,
    usage: Option<String>,
}

impl Quota {
    fn left(&self) -> Option<u64> {
        let number = |text: &Option<String>| text.as_deref()?.parse::<u64>().ok();
        Some(number(&self.limit)?.saturating_sub(number(&self.usage).unwrap_or_default()))
    }
}

impl GoogleDrive {
    pub(super) async fn look_around(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Err(failure) = self.look(&mut findings).await {
            findings.push(Finding::failed("log in", &failure));
            return findings;
        }
        self.forget().await;
        findings.push(self.look_at_folder().await);
        findings
    }

    async fn look(&self, findings: &mut Vec<Finding>) -> Result<(), Failure> {
        let start = Instant::now();
        let token = self.wire.access.reload().await?;
        let missing = self.wire.access.missing_scopes(&token);
        let url = self.settings.endpoint("drive/v3/about", &[("fields", "user,storageQuota")]);
        let about = self.wire.ask::<About>(&Call::get(url)).await;
        let about = about.map_err(|fault| self.failure(fault, false))?;
        let User { display_name, email_address } = about.user;
        let took = start.elapsed().as_millis();
        let who = format!("as {display_name} <{email_address}>, {took} ms");
        findings.push(Finding::ok("log in", who));
        if !missing.is_empty() {
            let what = format!("the login lacks {}", missing.join(" "));
            let name = &self.wire.name;
            let fix = format!("tick every box: apertur-bridge destinations login {name}");
            findings.push(Finding::error("scopes", what, fix));
        }
        // A shared drive has a quota of its own that nobody is told.
        if let Some(quota) = about.storage_quota.filter(|_| self.settings.folder_id.is_none()) {
            findings.push(space(WHOM, quota.left()));
        }
        Ok(())
    }

    async fn look_at_folder(&self) -> Finding {
        let path: Vec<&str> = self.settings.folder.parts().collect();
        match self.folder(&path, false).await {
            Ok((_, Some(_))) => {
                Finding::ok("folder", format!("{} is there", self.settings.place()))
            }
            Ok((_, None)) => {
                let what = format!("{} is made with the first photo", self.settings.place());
                Finding::ok("folder", what)
            }
            Err(failure) => Finding::failed("folder", &failure),
        }
    }
}
