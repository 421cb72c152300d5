//! A wire that can be cut: a TCP proxy.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::future::BoxFuture;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// A proxy to a server. Each connection ends, without a word, when the bytes it may still carry
/// to the server are used up.
pub(super) struct Wire {
    pub(super) port: u16,
    left: Left,
}

type Left = Arc<AtomicU64>;

impl Wire {
    /// Carries one connection after the other.
    pub(super) async fn to(server: SocketAddr) -> Self {
        let left = Arc::new(AtomicU64::new(u64::MAX));
        let port = open(server, Arc::clone(&left), false).await;
        Self { port, left }
    }

    /// Carries FTP without TLS, the data connections too.
    pub(super) async fn to_ftp(server: SocketAddr) -> Self {
        let left = Arc::new(AtomicU64::new(u64::MAX));
        let port = open(server, Arc::clone(&left), true).await;
        Self { port, left }
    }

    /// Carries so many bytes more.
    pub(super) fn cut_after(&self, bytes: u64) {
        self.left.store(bytes, Ordering::SeqCst);
    }

    /// Is whole again.
    pub(super) fn mend(&self) {
        self.cut_after(u64::MAX);
    }
}

/// Listens; gives the port. Boxed, because what it carries may open another.
fn open(server: SocketAddr, left: Left, is_ftp: bool) -> BoxFuture<'static, u16> {
    Box::pin(async move {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(server).await else { continue };
                tokio::spawn(carry(near, far, Arc::clone(&left), is_ftp));
            }
        });
        port
    })
}

async fn carry(near: TcpStream, far: TcpStream, left: Left, is_ftp: bool) {
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    tokio::select! {
        () = up(near_read, far_write, &left) => {}
        () = down(far_read, near_write, &left, is_ftp) => {}
    }
}

async fn up(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, left: &Left) {
    let mut block = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut block).await {
        let taken = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            if left == u64::MAX { Some(left) } else { left.checked_sub(read as u64) }
        });
        if taken.is_err() || to.write_all(&block[..read]).await.is_err() {
            return;
        }
    }
    // The end of a file; its receipt is still to come.
    drop(to.shutdown().await);
    std::future::pending().await
}

async fn down(from: OwnedReadHalf, mut to: OwnedWriteHalf, left: &Left, is_ftp: bool) {
    let mut from = BufReader::new(from);
    if !is_ftp {
        drop(tokio::io::copy(&mut from, &mut to).await);
        return;
    }
    let mut line = String::new();
    while let Ok(1..) = from.read_line(&mut line).await {
        if line.starts_with("227 ") {
            line = passive(&line, left).await;
        }
        if to.write_all(line.as_bytes()).await.is_err() {
            return;
        }
        line.clear();
    }
}

/// The answer to PASV with a port of our own in place of the server's.
async fn passive(line: &str, left: &Left) -> String {
    let numbers = line.split_once('(').unwrap().1.split(')').next().unwrap();
    let numbers: Vec<u16> = numbers.split(',').map(|number| number.parse().unwrap()).collect();
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, numbers[4] * 256 + numbers[5]));
    let port = open(server, Arc::clone(left), false).await;
    format!("227 Entering passive mode (127,0,0,1,{},{}).\r\n", port / 256, port % 256)
}
