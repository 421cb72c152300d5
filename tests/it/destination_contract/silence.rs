//! Nothing that works like a key is shown to anybody.

use apertur_bridge::model::Mode;

use super::{
    Lab, SESSION, every,
    shore::{On, Trouble},
};

const TROUBLES: [Trouble; 15] = [
    Trouble::LoseAnswer,
    Trouble::Half,
    Trouble::Garbage,
    Trouble::After(500),
    Trouble::Status(401),
    Trouble::Status(403),
    Trouble::Status(404),
    Trouble::Status(422),
    Trouble::Echo(400),
    Trouble::Echo(401),
    Trouble::Echo(403),
    Trouble::Echo(404),
    Trouble::Echo(413),
    Trouble::Echo(422),
    Trouble::Echo(500),
];

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_in_anything_that_people_see() {
    for lab in every().await {
        let destination = lab.shore.destination();
        let mut said = format!("{destination:?} {:#?} {}", destination, destination.place());
        let target = lab.shore.records()[0].parse().unwrap();
        said.push_str(&format!("{:?}", destination.probe().await));
        said.push_str(&format!("{:?}", destination.test(Some(&target)).await));
        for (number, mode) in [Mode::Contact, Mode::Public, Mode::Internal].into_iter().enumerate()
        {
            let photo = lab.to(0, &format!("img_{number}"), Some(mode));
            said.push_str(&format!("{:?}", lab.send(&photo).await.unwrap()));
            said.push_str(&format!("{:?}", lab.find(&photo).await.unwrap().unwrap()));
        }
        for on in [On::Ask, On::Upload, On::Write, On::Look] {
            for trouble in TROUBLES {
                for shape in 0..lab.shore.shapes(on, trouble) {
                    lab.shore.plant(on, trouble, shape);
                    said.push_str(&failed(&lab, on).await);
                }
            }
        }
        lab.shore.lock_out();
        said.push_str(&format!("{:?}", destination.probe().await));
        said.push_str(&failed(&lab, On::Write).await);
        let steps = format!("{:?}", lab.steps.0.lock().unwrap());
        for secret in lab.shore.secrets().into_iter().chain([SESSION.to_owned()]) {
            let named = lab.shore.name();
            // Half of it is too much: what is kept of a text may end within a secret.
            let half = &secret[..secret.len().max(12) / 2];
            assert!(!said.contains(half) && !steps.contains(half), "{named}: {secret}");
        }
    }
}

async fn failed(lab: &Lab, on: On) -> String {
    let photo = lab.to(0, "img_77", Some(Mode::Contact));
    lab.shore.step(std::time::Duration::from_mins(2));
    match on {
        On::Look => format!("{:?}", lab.find(&photo).await),
        On::Ask | On::Upload | On::Write => format!("{:?}", lab.send(&photo).await),
    }
}
