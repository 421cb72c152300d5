//! A photo in pieces: what is there already is not sent again after a cut wire.

use async_trait::async_trait;

use super::nothing_stored;
use crate::{
    model::{Cause, ErrorKind, Failure},
    spool::SpooledFile,
};

/// Where an upload stands.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::destinations) enum Sent<T> {
    /// So many bytes are there.
    UpTo(u64),
    /// All of it is there, and this is what became of it.
    Done(T),
    /// The other side knows nothing of the upload any more.
    Gone,
}

/// An upload that was begun at the other side.
#[async_trait]
pub(in crate::destinations) trait Session: Send {
    /// What becomes of it.
    type Done: Send;

    /// Bytes in one piece, as the other side wants them.
    fn piece(&self) -> u64;

    /// Sends `length` bytes from an offset on; the last piece ends the upload.
    async fn put(
        &mut self,
        file: &SpooledFile,
        from: u64,
        length: u64,
    ) -> Result<Sent<Self::Done>, Failure>;

    /// Asks where the upload stands, `at` being what was last known.
    async fn ask(&mut self, file: &SpooledFile, at: u64) -> Result<Sent<Self::Done>, Failure>;
}

/// Sends a whole file. After a cut wire it goes on at once from where the other side stands, as
/// long as something arrives between two cuts.
///
/// # Errors
/// As [`crate::destinations::Destination::deliver`]; [`Failure::Unknown`] only when the last
/// piece was sent.
pub(in crate::destinations) async fn upload<S: Session>(
    session: &mut S,
    file: &SpooledFile,
) -> Result<S::Done, Failure> {
    let (mut at, mut is_stuck) = (0, false);
    loop {
        let length = session.piece().min(file.size.saturating_sub(at));
        let is_last = at + length >= file.size;
        let sent = match session.put(file, at, length).await {
            Err(failure) if passes(&failure) && !is_stuck => {
                match session.ask(file, at).await {
                    // An upload that ended well is forgotten, too.
                    Err(_) | Ok(Sent::Gone) if is_last => Err(unsure(failure)),
                    Err(_) => Err(nothing_stored(failure)),
                    Ok(sent) => Ok(sent),
                }
            }
            Err(failure) if is_last && passes(&failure) => Err(unsure(failure)),
            other => other.map_err(|f| if is_last { f } else { nothing_stored(f) }),
        }?;
        match sent {
            Sent::Done(done) => return Ok(done),
            Sent::UpTo(next) if next <= file.size && (next > at || !is_stuck) => {
                is_stuck = next <= at;
                at = next;
            }
            Sent::UpTo(_) | Sent::Gone => return Err(restart()),
        }
    }
}

/// Whether the wire or the other side broke, rather than that something was refused.
fn passes(failure: &Failure) -> bool {
    match failure {
        Failure::Unknown { .. } => true,
        Failure::Later { after, cause } => after.is_none() && cause.kind == ErrorKind::Unavailable,
        Failure::Refused { .. } | Failure::Broken { .. } => false,
    }
}

fn unsure(failure: Failure) -> Failure {
    Failure::Unknown { cause: failure.cause().clone() }
}

fn restart() -> Failure {
    let what = "the upload was lost half way";
    let fix = "nothing to do: it begins anew by itself";
    Failure::Later { after: None, cause: Cause::new(ErrorKind::Unavailable, what, fix) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Digest;

    /// Plays what it is told, and keeps what it was asked.
    #[derive(Default)]
    struct Played {
        puts: Vec<Result<Sent<()>, Failure>>,
        asks: Vec<Result<Sent<()>, Failure>>,
        asked: Vec<(u64, u64)>,
    }

    #[async_trait]
    impl Session for Played {
        type Done = ();

        fn piece(&self) -> u64 {
            4
        }

        async fn put(&mut self, _: &SpooledFile, at: u64, n: u64) -> Result<Sent<()>, Failure> {
            self.asked.push((at, n));
            self.puts.remove(0)
        }

        async fn ask(&mut self, _: &SpooledFile, _: u64) -> Result<Sent<()>, Failure> {
            self.asks.remove(0)
        }
    }

    fn cut() -> Failure {
        Failure::Unknown { cause: Cause::new(ErrorKind::Unavailable, "cut", "") }
    }

    async fn run(mut played: Played) -> (Result<(), Failure>, Vec<(u64, u64)>) {
        let file = SpooledFile::at("none".into(), 10, Digest([0; 32]));
        let ended = upload(&mut played, &file).await;
        (ended, played.asked)
    }

    #[tokio::test]
    async fn a_cut_upload_goes_on_from_where_the_other_side_stands() {
        let puts = vec![Ok(Sent::UpTo(4)), Err(cut()), Err(cut()), Ok(Sent::Done(()))];
        let asks = vec![Ok(Sent::UpTo(6)), Ok(Sent::UpTo(8))];
        let (ended, asked) = run(Played { puts, asks, asked: Vec::new() }).await;
        assert_eq!(ended, Ok(()));
        assert_eq!(asked, [(0, 4), (4, 4), (6, 4), (8, 2)]);
    }

    #[tokio::test]
    async fn only_a_lost_answer_to_the_last_piece_leaves_a_doubt() {
        let puts = vec![Err(cut())];
        let (ended, _) = run(Played { puts, asks: vec![Err(cut())], ..Played::default() }).await;
        assert!(matches!(ended, Err(Failure::Later { .. })), "{ended:?}");
        let puts = vec![Ok(Sent::UpTo(4)), Ok(Sent::UpTo(8)), Err(cut())];
        let (ended, _) = run(Played { puts, asks: vec![Err(cut())], ..Played::default() }).await;
        assert!(matches!(ended, Err(Failure::Unknown { .. })), "{ended:?}");
    }

    #[tokio::test]
    async fn an_upload_that_does_not_move_or_is_gone_begins_anew() {
        let puts = vec![Ok(Sent::UpTo(0)), Ok(Sent::UpTo(0))];
        let (ended, asked) = run(Played { puts, ..Played::default() }).await;
        assert!(matches!(ended, Err(Failure::Later { .. })), "{ended:?}");
        assert_eq!(asked.len(), 2);
        let (ended, _) = run(Played { puts: vec![Ok(Sent::Gone)], ..Played::default() }).await;
        assert!(matches!(ended, Err(Failure::Later { .. })), "{ended:?}");
        let puts = vec![Ok(Sent::UpTo(99))];
        let (ended, _) = run(Played { puts, ..Played::default() }).await;
        assert!(matches!(ended, Err(Failure::Later { .. })), "{ended:?}");
    }
}
