//! Internal notes that photos could not be attached.

use apertur_bridge::{
    destinations::Notice,
    model::{ErrorKind, Failure, Target},
};

use super::{
    Lab, desks, every, odoo,
    shore::{On, Seen, Trouble},
};

fn notice(mark: &str) -> Notice {
    let names = vec!["door.jpg".to_owned()];
    Notice { mark: mark.to_owned(), count: 2, error: Some(ErrorKind::TooLarge), names }
}

impl Lab {
    async fn leave(&self, mark: &str, again: bool) -> Result<(), Failure> {
        let target: Target = self.shore.records()[0].parse().unwrap();
        self.shore.destination().leave_note(&target, &notice(mark), again).await
    }

    /// How often a note is there.
    fn count(&self, mark: &str) -> usize {
        self.shore.words().iter().filter(|(_, text)| text.contains(mark)).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_is_for_staff_alone_and_says_what_why_and_what_to_do() {
    let mut labs = desks().await;
    labs.extend([odoo::at(16), odoo::at(19)]);
    for lab in labs {
        let name = lab.shore.name();
        lab.leave("apertur-note-a1", false).await.unwrap();
        let words = lab.shore.words();
        let [(seen, text)] = &words[..] else { panic!("{name}: {words:?}") };
        assert_eq!(*seen, Seen::Staff, "{name}");
        for part in ["2 photos could not be attached here", "door.jpg", "larger", "apertur-note-a1"]
        {
            assert!(text.contains(part), "{name}: {part} is not in {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_note_whose_answer_was_lost_is_found_and_not_left_twice() {
    let mut labs = desks().await;
    labs.extend([odoo::at(16), odoo::at(19)]);
    for lab in labs {
        let name = lab.shore.name();
        lab.leave("apertur-note-a0", false).await.unwrap();
        lab.shore.plant(On::Write, Trouble::LoseAnswer, 0);
        let lost = lab.leave("apertur-note-a1", false).await;
        assert!(matches!(lost, Err(Failure::Unknown { .. })), "{name}: {lost:?}");
        lab.shore.step(std::time::Duration::from_mins(2));
        lab.leave("apertur-note-a1", true).await.unwrap();
        assert_eq!(lab.count("apertur-note-a1"), 1, "{name}");
        lab.leave("apertur-note-a2", true).await.unwrap();
        assert_eq!(lab.count("apertur-note-a2"), 1, "{name}: what is not there is left");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_such_record_a_note_is_refused() {
    for lab in every().await {
        let target: Target = lab.shore.nowhere().unwrap_or("odoo:res.partner:1").parse().unwrap();
        let left = lab.shore.destination().leave_note(&target, &notice("x"), false).await;
        assert!(matches!(left, Err(Failure::Refused { .. })), "{}: {left:?}", lab.shore.name());
    }
}
