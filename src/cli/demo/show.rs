//! The demo as it is seen: sends, waits, prints and checks.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use anyhow::Context as _;
use jiff::Timestamp;
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};

use super::{
    apertur::StandIn,
    home::{Addresses, Home},
    scenes::{self, Expected, LANDING, Picture, Scene},
};
use crate::{
    cli::{
        output::{Failure, for_shell, line},
        webhook::message::{Answer, Message},
    },
    http::Http,
    journal::Story,
    model::{AttemptOutcome, Delivery, DeliveryState, Digest, Filter, PhotoId, Scheme},
    serve::{Address, Daemon},
    system::Clock,
};

/// Longest wait for a photo.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running daemon with everything around it.
#[derive(Debug)]
pub(super) struct Stage<'a> {
    home: &'a Home,
    apertur: StandIn,
    daemon: Daemon,
    http: Http,
    webhook: String,
}

impl<'a> Stage<'a> {
    /// Starts the stand-in for Apertur and the daemon.
    pub(super) async fn open(home: &'a Home, pictures: &[Picture]) -> Result<Self, Failure> {
        let photos = pictures.iter().enumerate().take(LANDING);
        let photos: BTreeMap<_, _> = photos
            .map(|(at, picture)| (format!("demo-{}", at + 1), picture.bytes.clone()))
            .collect();
        let apertur = StandIn::start(photos, home.api_key.clone())?;
        let free = "127.0.0.1:0";
        let addresses = Addresses { listen: free, console: free, apertur: apertur.url() };
        let config = home.configure(addresses)?;
        let path = config.receive.webhook_path.clone();
        let daemon = Box::pin(Daemon::start(config, Clock::system())).await?;
        let listen = socket(Some(&daemon.public))?;
        let console = socket(daemon.console.as_ref())?;
        // From here on other commands find the daemon by its configuration.
        home.configure(Addresses { listen: &listen, console: &console, ..addresses })?;
        let webhook = format!("http://{listen}{path}");
        Ok(Self { home, http: Http::new()?, daemon, webhook, apertur })
    }

    /// Ends everything.
    pub(super) async fn close(self) {
        Box::pin(self.daemon.stop()).await;
        self.apertur.stop().await;
    }

    /// Sends everything and says what became of it.
    pub(super) async fn perform(&self, pictures: &[Picture]) -> Result<(), Failure> {
        line(&format!("webhook   {}", self.webhook))?;
        line(&format!("photos    {}\n", self.home.photos().display()))?;
        line(&format!("   {:<36}{:<21}{}", "SENT", "SIGNED BY", "ANSWER"))?;
        let mut wrong = Vec::new();
        let scenes = scenes::scenes(pictures, self.apertur.url())?;
        for (number, scene) in scenes.iter().enumerate() {
            let picture = pictures.get(scene.picture).context("there is no such photo")?;
            if let Err(error) = self.play(number + 1, scene, picture).await? {
                line(&format!("   wrong: {error:#}"))?;
                wrong.push(number + 1);
            }
        }
        let landed = files(&self.home.photos())?;
        let filter = Filter { states: vec![DeliveryState::Delivered], ..Filter::default() };
        let delivered = self.daemon.ops.list(&filter, None, 100).await?.len();
        let known = self.daemon.ops.list(&Filter::default(), None, 100).await?.len();
        line("")?;
        if !wrong.is_empty() || [landed, delivered, known] != [LANDING; 3] {
            return Err(Failure::Failed(anyhow::anyhow!(
                "{landed} files and {delivered} of {known} deliveries where {LANDING} were to be; \
                 wrong: {wrong:?}; `demo --verbose` shows the daemon's log"
            )));
        }
        line(&format!(
            "{landed} photos landed, every byte as it was sent (sha256); the repeats and the \
             forgery changed nothing"
        ))
    }

    /// Sends one and follows it; gives what is wrong with it.
    async fn play(
        &self,
        number: usize,
        scene: &Scene,
        picture: &Picture,
    ) -> Result<anyhow::Result<()>, Failure> {
        let answer = match self.send(scene, picture).await {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(error)),
        };
        line(&format!(
            "{number:<3}{:<36}{:<21}{} {}, {} ms",
            scene.title,
            signed_by(scene),
            answer.code,
            answer.word(),
            answer.took.as_millis()
        ))?;
        let id = match &scene.expected {
            Expected::Lands(id) => id,
            Expected::Only(code, word) => {
                let is_it = answer.code == *code && answer.word() == *word;
                return Ok(is_it.then_some(()).with_context(|| format!("not {code} {word}")));
            }
        };
        let landed = match self.landed(id).await {
            Ok(landed) => landed,
            Err(error) => return Ok(Err(error)),
        };
        line(&format!("   {}", landed.text))?;
        let path = self.home.photos().join(&landed.key);
        Ok(same(&path, picture.digest()))
    }

    async fn send(&self, scene: &Scene, picture: &Picture) -> anyhow::Result<Answer> {
        let now = Timestamp::now();
        let forged = SecretString::from(hex::encode(rand::random::<[u8; 32]>()));
        let secret = if scene.forged { &forged } else { &self.home.webhook_secret };
        let told = (&scene.about, picture.bytes.as_slice());
        let message = Message::compose(scene.shape, scene.spelling, told, now)?;
        let message = message.sign(scene.scheme, scene.spelling, secret, now)?;
        message.post(&self.http, &self.webhook).await
    }

    /// Waits until a photo is at the folder.
    async fn landed(&self, id: &PhotoId) -> anyhow::Result<Landed> {
        let clock = &self.daemon.ops.clock;
        let find = async {
            loop {
                if let Some(story) = self.daemon.ops.show(id.as_str()).await?
                    && let Some(landed) = Landed::read(&story)?
                {
                    return anyhow::Ok(landed);
                }
                clock.sleep_until(clock.after(Duration::from_millis(3))).await;
            }
        };
        tokio::time::timeout(PATIENCE, find).await.context("it did not land in time")?
    }

    /// Says what is left when the demo ends.
    pub(super) fn farewell(&self) -> Result<(), Failure> {
        if self.home.is_temporary() {
            return line(
                "they are removed now; keep them with --dir DIR, or look around with --keep",
            );
        }
        let list = self.command("deliveries list");
        line(&format!("every attempt of them: {list}"))
    }

    /// Says how to try it.
    pub(super) fn invite(&self) -> Result<(), Failure> {
        let photos = scenes::for_the_user;
        let pictures = scenes::pictures(&[])?;
        let mut paths = Vec::new();
        for picture in photos(&pictures) {
            paths.push(for_shell(&self.home.write(&picture.name, &picture.bytes)?));
        }
        let [first, second, ..] = paths.as_slice() else { return Ok(()) };
        let secret = self.home.path().join("webhook-secret");
        line(&format!("\nIt stays up until Ctrl-C. The secret is in {}", secret.display()))?;
        line("Two more photos are there to try it with:\n")?;
        line(&self.command(&format!("webhook send {first}")))?;
        line("")?;
        line(&format!("curl --data-binary @{second} -H 'Content-Type: image/jpeg' \\"))?;
        line(&format!(
            "  -H \"X-Apertur-Signature: sha256=$(openssl dgst -sha256 -hmac \"$(cat {})\" \\",
            for_shell(&secret)
        ))?;
        line(&format!("  {second} | sed 's/.* //')\" {}", self.webhook))?;
        line("")?;
        line(&self.command("deliveries list"))
    }

    /// A command line of this program for this demo.
    fn command(&self, what: &str) -> String {
        let program = std::env::current_exe().unwrap_or_else(|_| "apertur-bridge".into());
        let file = self.home.path().join("config.toml");
        format!("{} --config {} {what}", for_shell(&program), for_shell(&file))
    }
}

fn socket(address: Option<&Address>) -> anyhow::Result<String> {
    match address {
        Some(Address::Tcp(address)) => Ok(address.to_string()),
        _ => anyhow::bail!("the demo's listener has no port"),
    }
}

/// Where a photo is and when it came there.
struct Landed {
    key: String,
    text: String,
}

impl Landed {
    /// `None` while it is on its way.
    fn read(story: &Story) -> anyhow::Result<Option<Self>> {
        let [delivery] = story.deliveries.as_slice() else {
            anyhow::bail!("it has {} deliveries", story.deliveries.len());
        };
        if let (DeliveryState::Held, Some(cause)) = (delivery.state, &delivery.cause) {
            anyhow::bail!("it is held: {cause}");
        }
        let (DeliveryState::Delivered, Some(at)) = (delivery.state, delivery.settled_at) else {
            return Ok(None);
        };
        let key = key(delivery).context("the receipt names no file")?;
        let after = |at: Timestamp| at.duration_since(story.photo.received_at).as_millis();
        let fetched = story
            .attempts
            .iter()
            .find(|attempt| attempt.delivery.is_none() && attempt.outcome == AttemptOutcome::Done)
            .and_then(|attempt| attempt.ended_at)
            .map_or(String::new(), |at| format!("fetched after {} ms, ", after(at)));
        Ok(Some(Self { text: format!("{fetched}landed after {} ms: {key}", after(at)), key }))
    }
}

fn key(delivery: &Delivery) -> Option<String> {
    let receipt = delivery.receipt.as_ref()?;
    receipt.ids.iter().find(|id| id.name == "key").map(|id| id.value.clone())
}

fn signed_by(scene: &Scene) -> &'static str {
    match (scene.forged, scene.scheme) {
        (true, _) => "another secret",
        (false, Scheme::Body) => "HMAC of the body",
        (false, Scheme::Timestamped) => "HMAC with a time",
        (false, Scheme::Svix) => "svix",
    }
}

fn same(path: &Path, sent: Digest) -> anyhow::Result<()> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let landed = Digest(Sha256::digest(&bytes).into());
    anyhow::ensure!(landed == sent, "the file is not the photo that was sent: {landed} not {sent}");
    Ok(())
}

/// The number of files in a folder and below.
fn files(folder: &Path) -> anyhow::Result<usize> {
    let mut count = 0;
    for entry in fs::read_dir(folder).context("the folder of the photos is not there")? {
        let entry = entry?;
        count += if entry.file_type()?.is_dir() { files(&entry.path())? } else { 1 };
    }
    Ok(count)
}
