//! Bodies as they leave: whole, in pieces over a time, or cut off in the middle.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use super::http::{Cut, Link};
use super::timer;

/// How many pieces a slow body comes in.
const PIECES: u64 = 10;

/// The body of an answer.
pub(super) enum Body {
    Whole(Bytes),
    Pieces(Box<Pieces>),
}

pub(super) struct Pieces {
    link: Arc<Link>,
    rest: Bytes,
    piece: usize,
    /// When the next piece is due, and how long after it the one behind it.
    due: u64,
    step: u64,
    waiting: Option<Waker>,
    /// What is never sent: with this many bytes left the connection is reset.
    withheld: usize,
}

impl Body {
    /// The whole of it over `length_ns` from `from` on.
    pub(super) fn slow(link: Arc<Link>, rest: Bytes, from: u64, length_ns: u64) -> Self {
        let piece = rest.len().div_ceil(PIECES as usize).max(1);
        let steps = rest.len().div_ceil(piece).saturating_sub(1).max(1) as u64;
        let (waiting, withheld) = (None, 0);
        Self::Pieces(Box::new(Pieces {
            link,
            rest,
            piece,
            due: from,
            step: length_ns / steps,
            waiting,
            withheld,
        }))
    }

    /// Half of two bytes or more, and a moment later, so that the half has left, a reset.
    pub(super) fn cut(link: Arc<Link>, rest: Bytes) -> Self {
        let piece = rest.len() / 2;
        let (waiting, withheld, step) = (None, rest.len() - piece, 10_000_000);
        Self::Pieces(Box::new(Pieces { link, rest, piece, due: timer::now(), step, waiting, withheld }))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let pieces = match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => return Poll::Ready(None),
            Self::Whole(bytes) => return Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Pieces(pieces) => pieces,
        };
        if pieces.rest.is_empty() {
            return Poll::Ready(None);
        }
        ready!(pieces.link.timer.poll_until(cx, pieces.due, &mut pieces.waiting));
        if pieces.rest.len() <= pieces.withheld {
            return Poll::Ready(Some(Err(pieces.link.cut())));
        }
        pieces.due = pieces.link.shared.release(pieces.due + pieces.step);
        let piece = pieces.rest.split_to(pieces.piece.min(pieces.rest.len()));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Pieces(pieces) => pieces.rest.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Pieces(pieces) => pieces.rest.len() as u64,
        })
    }
}
