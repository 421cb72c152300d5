//! The plan: which destinations want a photo. Pure; knows neither network nor disk.

use std::{borrow::Cow, fmt};

use crate::model::{DestinationName, Kind, OwnSession, Photo, Planned, SessionId, Tag, Target};

/// A text in which `*` stands for any number of characters; it must match as a whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Pattern(String);

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is empty; write `*` to match everything")]
pub struct InvalidPattern;

impl Pattern {
    /// Takes any text but the empty one.
    ///
    /// # Errors
    /// When it is empty.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        if text.is_empty() { Err(InvalidPattern) } else { Ok(Self(text.to_owned())) }
    }

    /// Whether the whole text matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
            return false;
        };
        let mut parts: Vec<_> = parts.collect();
        let Some(last) = parts.pop() else { return rest.is_empty() };
        for part in parts {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The conditions of a route; all that are given must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct When {
    /// Any of the photo's tags, as `key:value`.
    pub tag: Option<Pattern>,
    /// The target, as `odoo:res.partner:42`.
    pub target: Option<Pattern>,
    /// The session id.
    pub session: Option<Pattern>,
    /// The topic of the event.
    pub topic: Option<Pattern>,
}

/// A condition of a route, held against a photo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition<'a> {
    /// `tag`, `target`, `session` or `topic`, as in the configuration.
    pub key: &'static str,
    /// What is wanted.
    pub pattern: &'a Pattern,
    /// Whether the photo has it.
    pub is_met: bool,
}

impl When {
    /// Every condition that is given. A photo that lacks what is asked for does not meet it.
    #[must_use]
    pub fn conditions(&self, photo: &Photo) -> Vec<Condition<'_>> {
        let session = photo.session.as_ref().map(SessionId::reveal);
        let all: [(_, _, Vec<String>); 4] = [
            ("tag", &self.tag, photo.tags.iter().map(Tag::to_text).collect()),
            ("target", &self.target, photo.target.iter().map(Target::to_string).collect()),
            ("session", &self.session, session.map(str::to_owned).into_iter().collect()),
            ("topic", &self.topic, photo.topic.clone().into_iter().collect()),
        ];
        let given = all.into_iter().filter_map(|(key, pattern, texts)| {
            let pattern = pattern.as_ref()?;
            let is_met = texts.iter().any(|text| pattern.matches(text));
            Some(Condition { key, pattern, is_met })
        });
        given.collect()
    }

    fn matches(&self, photo: &Photo) -> bool {
        self.conditions(photo).iter().all(|condition| condition.is_met)
    }
}

/// One rule: photos that match go to these destinations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Which photos.
    pub when: When,
    /// Where to.
    pub to: Vec<DestinationName>,
}

/// Why a destination gets a photo, or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// There are no rules, and its type takes every photo.
    TakesAll,
    /// There are no rules, and the target is a record of its type.
    OfTarget,
    /// This rule matches and names it: the first that does, counted from 0.
    Rule(usize),
    /// There are no rules, and no target of its type.
    OtherTarget,
    /// No rule that matches names it.
    NoRule,
    /// The target is a ticket of nobody knows which help desk.
    WhichDesk,
    /// Its session is for the record of that number of another destination of its type.
    OtherSystem,
}

impl Reason {
    /// Whether it gets the photo.
    #[must_use]
    pub fn wants(self) -> bool {
        match self {
            Self::TakesAll | Self::OfTarget | Self::Rule(_) => true,
            Self::OtherTarget | Self::NoRule | Self::WhichDesk | Self::OtherSystem => false,
        }
    }
}

/// Every rule and every destination there is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routes {
    /// The rules as configured; every rule that matches counts. With none at all, a photo goes
    /// to the destinations of its target's type, and to every storage destination and webhook.
    pub rules: Vec<Route>,
    /// The destinations in the order of the configuration.
    pub destinations: Vec<(DestinationName, Kind)>,
}

impl Routes {
    /// The record that is meant: a ticket whose help desk was not named is one of the only type
    /// of help desk that is configured, if there is only one.
    #[must_use]
    pub fn named(&self, target: Target) -> Target {
        let Target::Ticket { workspace, ticket } = target else { return target };
        let kinds = self.destinations.iter().map(|(_, kind)| *kind);
        let mut desks = kinds.filter_map(|kind| Target::ticket(kind, workspace, ticket));
        match desks.next() {
            Some(one) if desks.all(|other| other == one) => one,
            _ => target,
        }
    }

    /// The deliveries a photo of this session of ours needs, at least one: a photo that nobody
    /// wants gets one without destination, and so does one that names a ticket and not its help
    /// desk, and one that does not reach the destination whose record is meant
    /// ([`Routes::missed`]). No other destination of that one's type gets it, whatever the rules
    /// say: its record of that number is another one.
    #[must_use]
    pub fn plan(&self, photo: &Photo, own: Option<&OwnSession>) -> Vec<Planned> {
        let photo = self.seen(photo);
        let meant = meant(&photo, own);
        let planned =
            |destination| Planned { destination, target: photo.target.clone(), mode: photo.mode };
        let mut plan: Vec<_> = self
            .destinations
            .iter()
            .filter(|(name, kind)| self.reason_of(&photo, meant, (name, *kind)).wants())
            .map(|(name, _)| planned(Some(name.clone())))
            .collect();
        if plan.is_empty() || is_homeless(&photo) || self.missed(&photo, own).is_some() {
            plan.push(planned(None));
        }
        plan
    }

    /// The destination whose record the photo's session is for, where the photo does not get
    /// there and was to: without rules it is not configured any more, with rules they name
    /// another one of its type instead.
    #[must_use]
    pub fn missed<'a>(
        &self,
        photo: &Photo,
        own: Option<&'a OwnSession>,
    ) -> Option<&'a DestinationName> {
        let photo = self.seen(photo);
        let meant = meant(&photo, own)?;
        let reasons: Vec<_> = self
            .destinations
            .iter()
            .map(|(name, kind)| (name, self.reason_of(&photo, Some(meant), (name, *kind))))
            .collect();
        let is_reached = reasons.iter().any(|(name, reason)| *name == meant && reason.wants());
        let is_turned_away = reasons.iter().any(|(_, reason)| *reason == Reason::OtherSystem);
        (!is_reached && (self.rules.is_empty() || is_turned_away)).then_some(meant)
    }

    /// Why [`Routes::plan`] plans as it does: a reason for each destination, in their order.
    #[must_use]
    pub fn reasons(&self, photo: &Photo, own: Option<&OwnSession>) -> Vec<Reason> {
        let photo = self.seen(photo);
        let meant = meant(&photo, own);
        let all = self.destinations.iter();
        all.map(|(name, kind)| self.reason_of(&photo, meant, (name, *kind))).collect()
    }

    fn reason_of(
        &self,
        photo: &Photo,
        meant: Option<&DestinationName>,
        (name, kind): (&DestinationName, Kind),
    ) -> Reason {
        if is_homeless(photo) && kind.is_help_desk() {
            return Reason::WhichDesk;
        }
        let reason = self.by_rules(photo, name, kind);
        let is_of_type = photo.target.as_ref().is_some_and(|target| target.belongs_to(kind));
        let is_other = is_of_type && meant.is_some_and(|meant| meant != name);
        if is_other && reason.wants() { Reason::OtherSystem } else { reason }
    }

    fn by_rules(&self, photo: &Photo, name: &DestinationName, kind: Kind) -> Reason {
        if self.rules.is_empty() {
            return match &photo.target {
                _ if kind.is_storage() => Reason::TakesAll,
                Some(target) if target.belongs_to(kind) => Reason::OfTarget,
                _ => Reason::OtherTarget,
            };
        }
        let sends = |rule: &Route| rule.to.contains(name) && rule.when.matches(photo);
        self.rules.iter().position(sends).map_or(Reason::NoRule, Reason::Rule)
    }

    /// The photo with the record that is meant, which is what rules look at too.
    fn seen<'a>(&self, photo: &'a Photo) -> Cow<'a, Photo> {
        let target = photo.target.clone().map(|target| self.named(target));
        if target == photo.target {
            return Cow::Borrowed(photo);
        }
        Cow::Owned(Photo { target, ..photo.clone() })
    }
}

/// The destination whose record is meant, as the session says that the photo came in. What the
/// photo itself says may be another record; then its session says nothing.
fn meant<'a>(photo: &Photo, own: Option<&'a OwnSession>) -> Option<&'a DestinationName> {
    let own = own.filter(|own| photo.session.as_ref() == Some(&own.session))?;
    let record = photo.target.as_ref().map(Target::record);
    own.destination.as_ref().filter(|_| record == Some(own.target.record()))
}

fn is_homeless(photo: &Photo) -> bool {
    matches!(photo.target, Some(Target::Ticket { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{PhotoId, Scheme, Shape, Tag};

    fn photo(target: Option<&str>, tags: &[&str]) -> Photo {
        Photo {
            id: PhotoId::parse("img_1").unwrap(),
            image_id: None,
            session: None,
            index: None,
            filename: None,
            media_type: None,
            size: None,
            sha256: None,
            tags: tags.iter().map(|tag| Tag::from_text(tag)).collect(),
            target: target.map(|t| t.parse().unwrap()),
            mode: None,
            topic: Some("image.delivered".to_owned()),
            shape: Shape::Event,
            scheme: Some(Scheme::Body),
            received_at: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    fn routes(rules: Vec<Route>) -> Routes {
        let name = |n: &str| DestinationName::parse(n).unwrap();
        let destinations = vec![(name("erp"), Kind::Odoo), (name("archive"), Kind::Folder)];
        Routes { rules, destinations }
    }

    fn names(plan: &[Planned]) -> Vec<&str> {
        plan.iter().map(|p| p.destination.as_ref().map_or("-", |n| n.as_str())).collect()
    }

    #[test]
    fn patterns_match_the_whole_text() {
        for (pattern, text, matches) in [
            ("vip:*", "vip:gold", true),
            ("vip:*", "xvip:gold", false),
            ("*gold", "vip:gold", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("ab*ba", "aba", false),
            ("exact", "exact", true),
            ("exact", "exactly", false),
            ("*", "", true),
        ] {
            assert_eq!(Pattern::parse(pattern).unwrap().matches(text), matches, "{pattern} {text}");
        }
        assert_eq!(Pattern::parse(""), Err(InvalidPattern));
    }

    #[test]
    fn without_rules_the_target_and_every_storage_decide() {
        let routes = routes(vec![]);
        let to = |target| routes.plan(&photo(target, &[]), None);
        assert_eq!(names(&to(Some("odoo:res.partner:42"))), ["erp", "archive"]);
        assert_eq!(names(&to(None)), ["archive"]);
        assert_eq!(names(&to(Some("zendesk:9"))), ["archive"]);
        assert_eq!(names(&to(Some("ticket:9"))), ["archive", "-"]);
    }

    #[test]
    fn a_bare_ticket_is_of_the_only_type_of_help_desk() {
        let of = |kinds: &[(&str, Kind)]| {
            let name = |n: &str| DestinationName::parse(n).unwrap();
            let destinations = kinds.iter().map(|(n, kind)| (name(n), *kind)).collect();
            let plan =
                Routes { rules: vec![], destinations }.plan(&photo(Some("ticket:2:17"), &[]), None);
            let target = plan[0].target.as_ref().map(ToString::to_string).unwrap_or_default();
            format!("{} to {}", target, names(&plan).join(" "))
        };
        let (archive, erp) = (("archive", Kind::Folder), ("erp", Kind::Odoo));
        let (it, desk) = (("it", Kind::Freshservice), ("desk", Kind::Freshdesk));
        let (one, two) = (("one", Kind::Zendesk), ("two", Kind::Zendesk));
        assert_eq!(of(&[erp, it, archive]), "freshservice:2:17 to it archive");
        assert_eq!(of(&[desk]), "freshdesk:17 to desk");
        assert_eq!(of(&[one, two]), "zendesk:17 to one two");
        assert_eq!(of(&[one, desk]), "ticket:2:17 to -");
        // Kept where everything is kept, and held all the same.
        assert_eq!(of(&[one, desk, archive]), "ticket:2:17 to archive -");
        assert_eq!(of(&[erp]), "ticket:2:17 to -");
    }

    #[test]
    fn a_rule_sends_no_bare_ticket_to_one_of_several_help_desks() {
        let name = |n: &str| DestinationName::parse(n).unwrap();
        let to = vec![name("one"), name("archive")];
        let rules = vec![Route { when: When::default(), to }];
        let destinations = vec![
            (name("one"), Kind::Zendesk),
            (name("desk"), Kind::Freshdesk),
            (name("archive"), Kind::Folder),
        ];
        let routes = Routes { rules, destinations };
        assert_eq!(names(&routes.plan(&photo(Some("ticket:17"), &[]), None)), ["archive", "-"]);
        assert_eq!(names(&routes.plan(&photo(Some("zendesk:17"), &[]), None)), ["one", "archive"]);
    }

    #[test]
    fn all_conditions_that_are_given_must_be_met_and_each_says_whether_it_is() {
        let pattern = |text: &str| Pattern::parse(text).ok();
        let when = When {
            tag: pattern("vip:*"),
            target: pattern("odoo:res.partner:*"),
            session: pattern("s-*"),
            topic: pattern("*.delivered"),
        };
        let mut photo = photo(Some("odoo:res.partner:42"), &["a", "vip:gold"]);
        photo.session = SessionId::parse("s-1").ok();
        let met = |photo: &Photo| {
            let told = when.conditions(photo).into_iter();
            told.filter(|c| c.is_met).map(|c| c.key).collect::<Vec<_>>()
        };
        assert_eq!(met(&photo), ["tag", "target", "session", "topic"]);
        assert!(when.matches(&photo) && When::default().matches(&photo));
        for (missing, lacking) in [
            ("tag", Photo { tags: vec![Tag::from_text("a")], ..photo.clone() }),
            ("target", Photo { target: "zendesk:9".parse().ok(), ..photo.clone() }),
            ("target", Photo { target: None, ..photo.clone() }),
            ("session", Photo { session: None, ..photo.clone() }),
            ("topic", Photo { topic: None, ..photo.clone() }),
        ] {
            let met = met(&lacking);
            assert!(met.len() == 3 && !met.contains(&missing), "{missing} {met:?}");
            assert!(!when.matches(&lacking));
        }
    }

    #[test]
    fn a_rule_about_targets_sees_which_help_desk_a_bare_ticket_means() {
        let name = |n: &str| DestinationName::parse(n).unwrap();
        let when = When { target: Pattern::parse("zendesk:*").ok(), ..When::default() };
        let rules = vec![Route { when, to: vec![name("desk")] }];
        let routes = Routes { rules, destinations: vec![(name("desk"), Kind::Zendesk)] };
        assert_eq!(names(&routes.plan(&photo(Some("ticket:17"), &[]), None)), ["desk"]);
    }

    #[test]
    fn every_destination_has_a_reason() {
        let reasons =
            |rules, target, tags: &[&str]| routes(rules).reasons(&photo(target, tags), None);
        let odoo = Some("odoo:res.partner:42");
        assert_eq!(reasons(vec![], odoo, &[]), [Reason::OfTarget, Reason::TakesAll]);
        assert_eq!(reasons(vec![], None, &[]), [Reason::OtherTarget, Reason::TakesAll]);
        let when = |tag| When { tag: Pattern::parse(tag).ok(), ..When::default() };
        let to = vec![DestinationName::parse("archive").unwrap()];
        let rule = |tag| Route { when: when(tag), to: to.clone() };
        let rules = vec![rule("a"), rule("b*"), rule("bc")];
        assert_eq!(reasons(rules, odoo, &["bc"]), [Reason::NoRule, Reason::Rule(1)]);
    }

    #[test]
    fn a_session_s_photos_go_to_no_other_system_of_its_destination_s_type() {
        let name = |n: &str| DestinationName::parse(n).unwrap();
        let destinations = vec![
            (name("erp"), Kind::Odoo),
            (name("erp2"), Kind::Odoo),
            (name("archive"), Kind::Folder),
            (name("hook"), Kind::Webhook),
        ];
        let own = |destination: Option<&str>| OwnSession {
            session: SessionId::parse("s-1").unwrap(),
            target: "odoo:res.partner:42".parse().unwrap(),
            destination: destination.map(name),
            mode: None,
            label: None,
            link: None,
            environment: crate::model::Environment::Live,
            long_polling: false,
            tags: Vec::new(),
            created_at: jiff::Timestamp::UNIX_EPOCH,
            expires_at: jiff::Timestamp::UNIX_EPOCH,
            closed_at: None,
        };
        let mut photo = photo(Some("odoo:res.partner:42"), &[]);
        photo.session = SessionId::parse("s-1").ok();
        let to = |rule: Option<&[&str]>, own: &OwnSession, photo: &Photo| {
            let to = |to: &[&str]| Route {
                when: When::default(),
                to: to.iter().map(|n| name(n)).collect(),
            };
            let rules = rule.into_iter().map(to).collect();
            let routes = Routes { rules, destinations: destinations.clone() };
            let missed = routes.missed(photo, Some(own)).map(ToString::to_string);
            let plan = routes.plan(photo, Some(own));
            assert!(missed.is_none() || plan.iter().any(|p| p.destination.is_none()));
            names(&plan).join(" ")
        };
        let (any, second, gone) = (own(None), own(Some("erp2")), own(Some("gone")));
        assert_eq!(to(None, &any, &photo), "erp erp2 archive hook");
        assert_eq!(to(None, &second, &photo), "erp2 archive hook");
        assert_eq!(to(None, &gone, &photo), "archive hook -", "held until it is there again");
        assert_eq!(to(Some(&["erp2"]), &second, &photo), "erp2");
        assert_eq!(to(Some(&["erp", "archive"]), &second, &photo), "archive -");
        assert_eq!(to(Some(&["archive"]), &second, &photo), "archive", "as it is written");
        let other = Photo { target: "odoo:res.partner:7".parse().ok(), ..photo.clone() };
        assert_eq!(to(None, &second, &other), "erp erp2 archive hook", "not the session's record");
        let foreign = Photo { session: SessionId::parse("s-2").ok(), ..photo };
        assert_eq!(to(None, &second, &foreign), "erp erp2 archive hook");
    }

    #[test]
    fn with_rules_only_they_decide_and_an_unwanted_photo_stays_visible() {
        let when = When { tag: Pattern::parse("vip:*").ok(), ..When::default() };
        let to = vec![DestinationName::parse("archive").unwrap()];
        let routes = routes(vec![Route { when, to }]);
        let odoo = Some("odoo:res.partner:42");
        assert_eq!(names(&routes.plan(&photo(odoo, &["vip:gold"]), None)), ["archive"]);
        assert_eq!(names(&routes.plan(&photo(odoo, &["other"]), None)), ["-"]);
    }
}
