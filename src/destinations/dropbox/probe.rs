//! Who is logged in, how much space is left, and whether the folder is there. Writes nothing.

use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::{Dropbox, File, WHOM, fault::summary};
use crate::{
    destinations::drive::space,
    model::{Failure, Finding},
};

#[derive(Deserialize)]
struct Account {
    name: Name,
    email: String,
}

#[derive(Deserialize)]
struct Name {
    display_name: String,
}

#[derive(Deserialize)]
struct Usage {
    used: u64,
    allocation: Allocation,
}

/// Of a person, or of a team, whose `used` counts everybody's.
#[derive(Deserialize)]
struct Allocation {
    allocated: Option<u64>,
    used: Option<u64>,
}

impl Dropbox {
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
        let call = self.rpc("users/get_current_account", Json::Null);
        let account =
            self.wire.ask::<Account>(&call).await.map_err(|fault| self.failure(fault, false))?;
        let took = start.elapsed().as_millis();
        let who = format!("as {} <{}>, {took} ms", account.name.display_name, account.email);
        findings.push(Finding::ok("log in", who));
        if !missing.is_empty() {
            let what = format!("the login lacks {}", missing.join(" "));
            let fix = format!(
                "tick them for the app in Dropbox's App Console, then: apertur-bridge \
                 destinations login {}",
                self.wire.name
            );
            findings.push(Finding::error("scopes", what, fix));
            return Ok(());
        }
        let usage = self.wire.ask::<Usage>(&self.rpc("users/get_space_usage", Json::Null)).await;
        let Usage { used, allocation } = usage.map_err(|fault| self.failure(fault, false))?;
        let used = allocation.used.unwrap_or(used);
        findings.push(space(WHOM, allocation.allocated.map(|all| all.saturating_sub(used))));
        findings.push(self.look_at_folder().await?);
        Ok(())
    }

    async fn look_at_folder(&self) -> Result<Finding, Failure> {
        let folder = self.settings.folder.to_string();
        if folder.is_empty() {
            return Ok(Finding::ok("folder", "all that the app may see"));
        }
        let call = self.rpc("files/get_metadata", json!({ "path": format!("/{folder}") }));
        match self.wire.ask::<File>(&call).await {
            Ok(File { size: None, .. }) => Ok(Finding::ok("folder", format!("/{folder} is there"))),
            Ok(_) => {
                let fix = "name another folder, or move the file away";
                Ok(Finding::error("folder", format!("/{folder} is a file"), fix))
            }
            Err(fault) if summary(&fault).starts_with("path/not_found/") => {
                Ok(Finding::ok("folder", format!("/{folder} is made with the first photo")))
            }
            Err(fault) => Err(self.failure(fault, false)),
        }
    }
}
