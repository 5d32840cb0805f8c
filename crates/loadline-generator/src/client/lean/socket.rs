//! A TCP socket that tells how long the kernel had held what was just read.
//!
//! A worker gets round to an answer when it has the time: after a stall, thousands lie there at once, and at high rates
//! a worker that looks every tenth of a millisecond needs half the CPU of one that is woken for each. Neither is the
//! service's doing. So the kernel notes when it received the bytes (`SO_TIMESTAMPNS`, Linux
//! Documentation/networking/timestamping.rst; for TCP the instant of the last byte read), and an answer ends then.

use std::cell::Cell;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use rustix::time::{ClockId, clock_gettime};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// The wall clock, which the kernel's notes are of, may be set while an answer lies there. What seems to have lain
/// longer than this is taken as read at once, which makes a latency too long rather than too short.
const BELIEVED_MOST: Duration = Duration::from_millis(100);

/// Whether answers come with the instant at which the kernel had them.
#[derive(Debug, Clone, Default)]
pub struct Stamps(Rc<Told>);

#[derive(Debug, Default)]
struct Told {
    seen: Cell<bool>,
    /// Some answers are read by a client that does not know.
    some_without: Cell<bool>,
}

impl Stamps {
    /// Whether all answers so far did.
    pub fn on_all(&self) -> bool {
        self.0.seen.get() && !self.0.some_without.get()
    }

    /// Some answers come without.
    pub(in crate::client) fn note_without(&self) {
        self.0.some_without.set(true);
    }
}

/// A connected socket.
pub(super) struct Socket {
    stream: TcpStream,
    /// `None` where nobody asks.
    stamps: Option<Stamps>,
    unread: Duration,
}

/// Room for a time (`CMSG_SPACE` of a `timespec` is 32), aligned as control messages have to be.
#[repr(align(8))]
struct Control([u8; 64]);

impl Socket {
    pub(super) fn new(stream: TcpStream, stamps: Option<Stamps>) -> Self {
        if stamps.is_some() {
            // Refused only where the kernel has no such thing, and then no answer will have one.
            let _ = setsockopt(&stream, sockopt::ReceiveTimestampns, &true);
        }
        Socket { stream, stamps, unread: Duration::ZERO }
    }

    /// How long the bytes read last had lain in the kernel; zero where that is not known.
    pub(super) fn unread(&self) -> Duration {
        self.unread
    }
}

/// Reads, and says how long what was read had lain there.
fn receive(stream: &TcpStream, stamps: &Stamps, buffer: &mut [u8]) -> io::Result<(usize, Duration)> {
    let mut control = Control([0; 64]);
    let mut parts = [IoSliceMut::new(buffer)];
    let received = recvmsg::<()>(stream.as_raw_fd(), &mut parts, Some(&mut control.0), MsgFlags::empty())?;
    let stamp = received.cmsgs()?.find_map(|message| match message {
        ControlMessageOwned::ScmTimestampns(at) => Some(Duration::from(at)),
        _ => None,
    });
    let unread = stamp.and_then(|at| {
        stamps.0.seen.set(true);
        wall_clock().checked_sub(at).filter(|lain| *lain <= BELIEVED_MOST)
    });
    Ok((received.bytes, unread.unwrap_or_default()))
}

fn wall_clock() -> Duration {
    let now = clock_gettime(ClockId::Realtime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let Some(stamps) = &this.stamps else { return Pin::new(&mut this.stream).poll_read(context, buffer) };
        loop {
            ready!(this.stream.poll_read_ready(context))?;
            let free = buffer.initialize_unfilled();
            let mut outcome = Err(io::ErrorKind::WouldBlock.into());
            // The runtime forgets that there is something to read when it hears `WouldBlock`. A read that did not fill
            // the buffer took all there was: another call of the system would only say so.
            let _ = this.stream.try_io(Interest::READABLE, || {
                outcome = receive(&this.stream, stamps, free);
                match &outcome {
                    Ok((taken, _)) if *taken == 0 || *taken == free.len() => Ok(()),
                    _ => Err(io::Error::from(io::ErrorKind::WouldBlock)),
                }
            });
            match outcome {
                Ok((taken, unread)) => {
                    this.unread = unread;
                    buffer.advance(taken);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tokio::io::AsyncReadExt;

    use super::*;

    /// Bytes that came 20 ms before they are read have lain there for 20 ms.
    #[tokio::test]
    async fn what_lay_unread_is_told() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut socket = Socket::new(stream, Some(Stamps::default()));
        let mut other = listener.accept().unwrap().0;
        let mut buffer = [0; 16];
        // The kernel begins to note a moment after the first socket on the machine has asked for it.
        for _ in 0..100 {
            other.write_all(b"x").unwrap();
            socket.read_exact(&mut buffer[..1]).await.unwrap();
            if socket.stamps.as_ref().is_some_and(Stamps::on_all) {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let begun = std::time::Instant::now();
        other.write_all(b"hello").unwrap();
        let written = begun.elapsed();
        std::thread::sleep(Duration::from_millis(20));
        let taken = socket.read(&mut buffer).await.unwrap();
        let most = begun.elapsed();
        assert_eq!(&buffer[..taken], b"hello");
        assert!(socket.unread() >= Duration::from_millis(20) - written, "{:?}", socket.unread());
        assert!(socket.unread() <= most.min(BELIEVED_MOST), "{:?}", socket.unread());
    }
}
