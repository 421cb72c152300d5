//! Freshdesk and Freshservice, as their fake.

use std::time::Duration;

use apertur_bridge::{
    destinations::{
        Destination, Message,
        freshworks::{
            DEFAULT_MODE, DEFAULT_SCOPES, DEFAULT_TIMEOUT, Freshworks, Login, Product as Of,
            RequesterRefused, Settings,
        },
        oauth::{Addresses, Client, DEFAULT_REDIRECT, Endpoints, Style},
    },
    system::Clock,
};
use sha2::{Digest as _, Sha256};

use super::{
    Lab, around, name,
    shore::{On, Seen, Shore, Stored, Trouble},
};
use crate::fakes::{
    desk::{Fault, Shape, What},
    freshworks::{FakeFreshworks, KEY, Product, SCOPES, SIGNED, Switch, echoes, shapes},
    oauth::{CLIENT_ID, CLIENT_SECRET, FakeOauth, Wants, visit},
};

struct Side {
    product: Product,
    fake: FakeFreshworks,
    oauth: Option<FakeOauth>,
    clock: Clock,
    destination: Freshworks,
}

/// Freshdesk, Freshservice with a key, Freshservice with OAuth.
pub(super) async fn all() -> Vec<Lab> {
    let desk = with(Product::Freshdesk, None).await;
    let service = with(Product::Freshservice, None).await;
    let oauth = with(Product::Freshservice, Some(Wants::BasicForm)).await;
    vec![desk, service, oauth]
}

async fn with(product: Product, wants: Option<Wants>) -> Lab {
    let (shared, clock, home) = around();
    let fake = FakeFreshworks::on(product, clock.clone());
    let oauth = wants.map(|wants| FakeOauth::start_at(wants, clock.clone()));
    let login = match &oauth {
        None => Login::ApiKey(KEY.into()),
        Some(server) => {
            fake.trust(server, SCOPES);
            Login::OAuth(Box::new(client(server)))
        }
    };
    let product_of = match product {
        Product::Freshdesk => Of::Freshdesk,
        Product::Freshservice => Of::Freshservice,
    };
    let settings = Settings {
        product: product_of,
        base_url: fake.url().parse().unwrap(),
        agent_url: "https://acme.example.com".parse().unwrap(),
        login,
        default_mode: DEFAULT_MODE,
        message: Message::default(),
        max_attachment: product_of.default_max_attachment(),
        writes_per_minute: 10_000,
        requester_refused: RequesterRefused::default(),
        timeout: DEFAULT_TIMEOUT,
        concurrency: 4,
    };
    let destination = Freshworks::new(name(), settings, &shared);
    if oauth.is_some() {
        let login = destination.login().unwrap();
        let (status, back, page) = visit(login.url().await.unwrap().as_str()).unwrap();
        assert_eq!(status, 302, "{page}");
        login.exchange(login.pasted(&back.unwrap()).unwrap()).await.unwrap();
    }
    Lab::new(Side { product, fake, oauth, clock, destination }, home)
}

fn client(server: &FakeOauth) -> Client {
    Client {
        id: CLIENT_ID.to_owned(),
        secret: CLIENT_SECRET.into(),
        scopes: DEFAULT_SCOPES.map(str::to_owned).to_vec(),
        endpoints: Endpoints::Fixed(Addresses {
            authorize: Some(server.authorize_url()),
            token: server.token_url(),
        }),
        style: Style::BasicForm,
        redirect: DEFAULT_REDIRECT.parse().unwrap(),
    }
}

/// What a desk does, in the shape of that number.
pub(super) fn whats(trouble: Trouble, shapes: &[Shape], echoes: &[Shape]) -> Vec<What> {
    match trouble {
        Trouble::LoseAnswer => vec![What::LoseAnswer],
        Trouble::CloseBefore => vec![What::CloseBefore],
        Trouble::Cut => vec![What::Cut(0), What::Cut(100)],
        Trouble::Half => vec![What::HalfAnswer],
        Trouble::Garbage => vec![What::Garbage],
        Trouble::Huge => vec![What::Huge(20_000_000)],
        Trouble::Status(status) => {
            shapes.iter().map(|shape| What::Status(status, shape.clone())).collect()
        }
        Trouble::After(status) => {
            shapes.iter().map(|shape| What::After(status, shape.clone())).collect()
        }
        Trouble::Echo(status) => {
            echoes.iter().map(|shape| What::Status(status, shape.clone())).collect()
        }
        Trouble::TooMany => vec![What::RetryAfter(429, "7"), What::RetryAfter(429, "7.0")],
    }
}

fn call(on: On) -> Option<&'static str> {
    match on {
        On::Look => Some("conversations"),
        On::Ask => Some("ticket"),
        On::Write => Some("note"),
        On::Upload => None,
    }
}

impl Shore for Side {
    fn name(&self) -> String {
        let how = if self.oauth.is_some() { " with OAuth" } else { "" };
        format!("{:?}{how}", self.product)
    }

    fn destination(&self) -> &dyn Destination {
        &self.destination
    }

    fn records(&self) -> [&'static str; 2] {
        match self.product {
            Product::Freshdesk => ["freshdesk:17", "freshdesk:18"],
            Product::Freshservice => ["freshservice:2:241", "freshservice:242"],
        }
    }

    fn nowhere(&self) -> Option<&'static str> {
        Some(match self.product {
            Product::Freshdesk => "freshdesk:1",
            Product::Freshservice => "freshservice:1",
        })
    }

    fn stored(&self) -> Vec<Stored> {
        let mut stored = Vec::new();
        for note in self.fake.everything() {
            let record = match (self.product, note.ticket) {
                (Product::Freshdesk, ticket) => format!("freshdesk:{ticket}"),
                (Product::Freshservice, 241) => self.records()[0].to_owned(),
                (Product::Freshservice, ticket) => format!("freshservice:{ticket}"),
            };
            let seen = match (note.private, note.incoming) {
                (true, false) => Seen::Staff,
                (false, false) => Seen::Public,
                (false, true) if note.user.is_some_and(|user| user != 900) => Seen::Customer,
                odd => panic!("{odd:?}"),
            };
            stored.extend(note.attachments.iter().map(|file| Stored {
                record: record.clone(),
                sha256: hex::encode(Sha256::digest(&file.bytes)),
                file_name: file.name.clone(),
                text: note.body.clone(),
                seen,
                note: note.id,
            }));
        }
        stored
    }

    fn words(&self) -> Vec<(Seen, String)> {
        let bare = self.fake.everything().into_iter().filter(|note| note.attachments.is_empty());
        let seen = |private| if private { Seen::Staff } else { Seen::Public };
        bare.map(|note| (seen(note.private), note.body.clone())).collect()
    }

    fn litter(&self) -> usize {
        self.fake.everything().iter().filter(|note| note.attachments.is_empty()).count()
    }

    fn default_seen(&self) -> Seen {
        Seen::Staff
    }

    fn secrets(&self) -> Vec<String> {
        let mut secrets = vec![KEY.to_owned(), SIGNED.to_owned()];
        secrets.extend(self.oauth.iter().flat_map(FakeOauth::secrets));
        secrets
    }

    fn shapes(&self, on: On, trouble: Trouble) -> usize {
        call(on).map_or(0, |_| whats(trouble, &shapes(), &echoes()).len())
    }

    fn plant(&self, on: On, trouble: Trouble, shape: usize) {
        let what = whats(trouble, &shapes(), &echoes()).remove(shape);
        self.fake.fault(Fault::once(call(on).unwrap(), what));
    }

    fn renews(&self) -> bool {
        self.oauth.is_some()
    }

    fn step(&self, by: Duration) {
        self.clock.step(by);
    }

    fn lock_out(&self) -> Option<()> {
        self.fake.set(Switch::Key("another"));
        if let Some(server) = &self.oauth {
            server.end_all_tokens();
        }
        Some(())
    }

    fn crowd(&self) {
        let ticket = if self.product == Product::Freshdesk { 17 } else { 241 };
        for file in ["apertur-img_10.jpg", "apertur-img_1-2.jpg", "xapertur-img_1.jpg", ""] {
            self.fake.add_note(ticket, "<p>look (ref apertur-img_10)</p>", file);
        }
        self.fake.add_note(ticket + 1, "<p>(ref apertur-img_1)</p>", "apertur-img_1.jpg");
        self.fake.set(Switch::PageOf(2));
        // A proxy may stand between: links name the account's own address, not ours.
        self.fake.set(Switch::LinksTo("https://acme.example.com".to_owned()));
    }
}
