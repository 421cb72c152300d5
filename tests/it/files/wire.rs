//! A wire that can be cut: a TCP proxy.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// A proxy to a server. Each connection ends, without a word, when the bytes it may still carry
/// to the server are used up.
pub(super) struct Wire {
    pub(super) port: u16,
    left: Arc<AtomicU64>,
}

impl Wire {
    pub(super) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let left = Arc::new(AtomicU64::new(u64::MAX));
        let carried = Arc::clone(&left);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(server).await.unwrap();
                tokio::spawn(carry(near, far, Arc::clone(&carried)));
            }
        });
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

async fn carry(mut near: TcpStream, mut far: TcpStream, left: Arc<AtomicU64>) {
    let (mut near_read, mut near_write) = near.split();
    let (mut far_read, mut far_write) = far.split();
    let up = async {
        let mut block = vec![0; 16 * 1024];
        while let Ok(read @ 1..) = near_read.read(&mut block).await {
            let taken = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                if left == u64::MAX { Some(left) } else { left.checked_sub(read as u64) }
            });
            if taken.is_err() || far_write.write_all(&block[..read]).await.is_err() {
                break;
            }
        }
    };
    let down = tokio::io::copy(&mut far_read, &mut near_write);
    tokio::select! {
        () = up => {}
        _ = down => {}
    }
}
