//! `[fetch]`, `[retry]` and `[retention]`: how long and how often.

use super::{
    section::Section,
    values::{count, duration},
};
use crate::{collect, deliver, ops::prune};

/// Reads `[fetch]`.
pub(super) fn read_fetch(s: &mut Section<'_>) -> Option<collect::Settings> {
    let concurrency = s.key("concurrency", "photos fetched at once").or("4", count(1, 64));
    let give_up_after = s
        .key("give_up_after", "how long fetching is tried before the photo is held")
        .or("24h", duration);
    Some(collect::Settings { concurrency: concurrency?, give_up_after: give_up_after? })
}

/// Reads `[retry]`.
pub(super) fn read_retry(s: &mut Section<'_>) -> Option<deliver::Settings> {
    let first_delay = s.key("first_delay", "wait after the first failure").or("5s", duration);
    let max_delay = s.key("max_delay", "longest wait between two attempts").or("1h", |entry| {
        let delay = duration(entry)?;
        if first_delay.is_some_and(|first| delay < first) {
            return entry.wrong_value("is shorter than retry.first_delay", "make it longer");
        }
        Some(delay)
    });
    let give_up_after =
        s.key("give_up_after", "how long a delivery is tried before it is held").or("3d", duration);
    let deadline = s
        .key(
            "deadline",
            "longest time of one attempt; a second more for every 32 KiB of its photos",
        )
        .or("5m", duration);
    s.reader.deadline.set(deadline);
    let probe_every = s
        .key("probe_every", "first wait before a broken destination is looked at again")
        .or("30s", duration);
    Some(deliver::Settings {
        first_delay: first_delay?,
        max_delay: max_delay?,
        give_up_after: give_up_after?,
        deadline: deadline?,
        probe_every: probe_every?,
    })
}

/// Reads `[retention]`.
pub(super) fn read_retention(s: &mut Section<'_>) -> Option<prune::Settings> {
    let bytes = s.key("bytes", "how long the bytes of settled photos stay").or("7d", duration);
    let rows = s.key("rows", "how long their history stays").or("90d", |entry| {
        let rows = duration(entry)?;
        if bytes.is_some_and(|bytes| rows < bytes) {
            return entry.wrong_value("is shorter than retention.bytes", "make it longer");
        }
        Some(rows)
    });
    Some(prune::Settings { bytes: bytes?, rows: rows? })
}
