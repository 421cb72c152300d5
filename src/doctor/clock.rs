//! This machine's clock against those of others. Signatures with a time, one-time codes and
//! certificates need it right.

use futures_util::future::join_all;
use jiff::SignedDuration;
use url::Url;

use super::Checkup;
use crate::model::Finding;

/// Clocks that are less apart than this are one: a one-time code lasts so long.
const APART: SignedDuration = SignedDuration::from_secs(30);

/// Looks at them.
pub(super) async fn look(checkup: &Checkup) -> Vec<Finding> {
    let settings = checkup.apertur.settings();
    let apertur = settings.api_key.is_some().then(|| ("Apertur".to_owned(), &settings.base_url));
    let far = checkup.destinations.iter();
    let far = far.filter_map(|far| Some((far.name.to_string(), far.origin.as_ref()?)));
    let asked: Vec<_> = apertur.into_iter().chain(far).collect();
    let told = join_all(asked.into_iter().map(|(whose, url)| apart(checkup, whose, url))).await;
    findings(told.into_iter().flatten().collect())
}

/// How far a clock is ahead of ours; `None` where it cannot be seen, which others tell of.
async fn apart(checkup: &Checkup, whose: String, url: &Url) -> Option<(String, SignedDuration)> {
    let seen = checkup.http.look(&whose, url, None).await.ok()?;
    Some((whose, seen.ahead?))
}

fn findings(told: Vec<(String, SignedDuration)>) -> Vec<Finding> {
    let (off, good): (Vec<_>, Vec<_>) =
        told.into_iter().partition(|(_, ahead)| ahead.abs() > APART);
    let mut findings: Vec<_> = off
        .iter()
        .map(|(whose, ahead)| {
            let seconds = ahead.abs().as_secs();
            let where_to = if ahead.is_positive() { "ahead of" } else { "behind" };
            let what = format!("the clock of {whose} is {seconds} s {where_to} this machine's");
            let fix = if good.is_empty() {
                "set this machine's clock by the network: timedatectl set-ntp true"
            } else {
                "others agree with this machine's clock: tell whoever runs the other one"
            };
            Finding::warning("time", what, fix)
        })
        .collect();
    if !good.is_empty() {
        let names: Vec<_> = good.into_iter().map(|(whose, _)| whose).collect();
        findings.push(Finding::ok("time", format!("as that of {}", names.join(", "))));
    }
    findings
}
