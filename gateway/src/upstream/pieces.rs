use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// A request body that lies in several places of memory and is sent without being copied together: an upload with one
/// of its fields replaced. A clone shares the memory, so that another server can be sent the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pieces {
    pieces: Vec<Bytes>,
    next: usize,
}

impl Pieces {
    pub fn new(pieces: impl IntoIterator<Item = Bytes>) -> Self {
        Self {
            pieces: pieces.into_iter().filter(|piece| !piece.is_empty()).collect(),
            next: 0,
        }
    }

    /// Bytes that are left to send.
    pub fn len(&self) -> usize {
        self.pieces.iter().skip(self.next).map(Bytes::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.next >= self.pieces.len()
    }
}

impl From<Bytes> for Pieces {
    fn from(whole: Bytes) -> Self {
        Self::new([whole])
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.pieces.get(self.next).cloned();
        self.next += 1;
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn is_sent_in_order_and_says_how_long_it_is() {
        let pieces = Pieces::new(["ab", "", "cde"].map(|text| Bytes::from_static(text.as_bytes())));
        assert_eq!((pieces.len(), pieces.size_hint().exact()), (5, Some(5)));
        let again = pieces.clone();
        let mut sent = pieces;
        assert_eq!(sent.frame().await.unwrap().unwrap().into_data().unwrap(), "ab");
        assert_eq!((sent.len(), sent.is_end_stream()), (3, false));
        assert_eq!(sent.collect().await.unwrap().to_bytes(), "cde");
        assert_eq!(again.collect().await.unwrap().to_bytes(), "abcde");
        assert!(Pieces::default().is_end_stream());
    }
}
