//! The options with which an operator says which deliveries are meant.

use jiff::Timestamp;

use crate::model::{
    DeliveryId, DeliveryState, DestinationName, ErrorKind, Filter, PhotoId, SessionId, Target,
};

/// Most rows that a list may show.
pub(super) const MOST: usize = 1_000_000;

/// Filter options, the same for every command; all that are given must match.
#[derive(Debug, Clone, Default, clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// Only these states: waiting, due, sending, delivered, held, dropped
    #[arg(long, value_delimiter = ',', value_parser = state, value_name = "STATE")]
    state: Vec<DeliveryState>,
    /// Only this destination
    #[arg(long, value_parser = |t: &str| DestinationName::parse(t), value_name = "NAME")]
    destination: Option<DestinationName>,
    /// Only this upload session
    #[arg(long, value_parser = |t: &str| SessionId::parse(t), value_name = "ID")]
    session: Option<SessionId>,
    /// Only this record, for example odoo:res.partner:42
    #[arg(long, value_name = "TARGET")]
    target: Option<Target>,
    /// Only this photo
    #[arg(long, value_parser = |t: &str| PhotoId::parse(t), value_name = "ID")]
    photo: Option<PhotoId>,
    /// Only this kind of error, for example not_found, unauthorized, unrouted
    #[arg(long, value_parser = error, value_name = "KIND")]
    error: Option<ErrorKind>,
    /// Received since: an age such as 2h or 7d, a date, or a time in RFC 3339
    #[arg(long, value_parser = time, value_name = "WHEN")]
    since: Option<Timestamp>,
    /// Received before, written as --since
    #[arg(long, value_parser = time, value_name = "WHEN")]
    until: Option<Timestamp>,
    /// Only with this text of 3 characters or more in photo id, image id, file name, a tag,
    /// target or cause
    #[arg(long, value_parser = |t: &str| Filter::parse_text(t), value_name = "TEXT")]
    text: Option<String>,
}

impl Args {
    /// The filter.
    pub(super) fn filter(&self) -> Filter {
        Filter {
            ids: Vec::new(),
            states: self.state.clone(),
            destination: self.destination.clone(),
            session: self.session.clone(),
            target: self.target.clone(),
            photo: self.photo.clone(),
            error: self.error,
            since: self.since,
            until: self.until,
            text: self.text.clone(),
        }
    }
}

/// The filter for deliveries named by number or photo id, together with other options.
pub(super) fn with_ids(ids: &[String], args: &Args) -> Result<Filter, anyhow::Error> {
    let mut filter = args.filter();
    for id in ids {
        match (id.parse(), PhotoId::parse(id)) {
            (Ok(number), _) => filter.ids.push(DeliveryId(number)),
            (Err(_), Ok(photo)) if ids.len() == 1 && filter.photo.is_none() => {
                filter.photo = Some(photo);
            }
            _ => anyhow::bail!("`{id}`: give delivery numbers, or one photo id alone"),
        }
    }
    Ok(filter)
}

/// Reads how many are wanted at most: from 1 up to so many.
pub(super) fn up_to(most: usize) -> impl Fn(&str) -> Result<usize, String> + Clone {
    move |text| {
        let number = text.parse().ok().filter(|number| (1..=most).contains(number));
        number.ok_or_else(|| format!("write a number from 1 to {most}"))
    }
}

fn state(text: &str) -> Result<DeliveryState, String> {
    DeliveryState::parse(text).ok_or_else(|| {
        "the states are waiting, due, sending, delivered, held and dropped".to_owned()
    })
}

fn error(text: &str) -> Result<ErrorKind, String> {
    ErrorKind::parse(text)
        .ok_or_else(|| "is no kind of error; `deliveries list --json` shows them".to_owned())
}

/// Reads when something was, as people write it.
pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    if let Ok(age) = humantime::parse_duration(text) {
        return Timestamp::now().checked_sub(age).map_err(|error| error.to_string());
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let date = text.parse::<jiff::civil::Date>();
    let zone = jiff::tz::TimeZone::system();
    date.and_then(|date| Ok(date.to_zoned(zone)?.timestamp()))
        .map_err(|_| "write an age (2h, 7d), a date (2026-11-20) or a time in RFC 3339".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_ages_dates_or_rfc_3339() {
        assert!(time("2h").is_ok_and(|t| t < Timestamp::now()));
        assert!(time("2026-11-20").is_ok());
        assert_eq!(time("1970-01-01T00:00:00Z"), Ok(Timestamp::UNIX_EPOCH));
        assert!(time("yesterday").is_err());
    }

    #[test]
    fn at_most_none_is_refused_with_what_may_be_written() {
        let read = up_to(50);
        assert_eq!((read("1"), read("50")), (Ok(1), Ok(50)));
        for bad in ["0", "51", "-1", "many", ""] {
            assert_eq!(read(bad), Err("write a number from 1 to 50".to_owned()), "{bad}");
        }
    }

    #[test]
    fn ids_are_numbers_or_one_photo() {
        let with = |ids: &[&str]| {
            let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
            with_ids(&ids, &Args::default())
        };
        assert_eq!(with(&["3", "4"]).unwrap().ids, [DeliveryId(3), DeliveryId(4)]);
        assert_eq!(with(&["img_1"]).unwrap().photo, PhotoId::parse("img_1").ok());
        assert!(with(&["img_1", "img_2"]).is_err());
    }
}
