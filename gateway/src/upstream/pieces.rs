use std::collections::VecDeque;

use bytes::Bytes;

/// A request body that lies in several places of memory and is sent without being copied together: an upload with one
/// of its fields replaced. A clone shares the memory, so that another server can be sent the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pieces(VecDeque<Bytes>);

impl Pieces {
    pub fn new(pieces: impl IntoIterator<Item = Bytes>) -> Self {
        Self(pieces.into_iter().filter(|piece| !piece.is_empty()).collect())
    }

    /// Bytes of all pieces.
    pub fn len(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Bytes> for Pieces {
    fn from(whole: Bytes) -> Self {
        Self::new([whole])
    }
}

impl From<Pieces> for VecDeque<Bytes> {
    fn from(pieces: Pieces) -> Self {
        pieces.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_its_order_and_says_how_long_it_is() {
        let pieces = Pieces::new(["ab", "", "cde"].map(|text| Bytes::from_static(text.as_bytes())));
        assert_eq!((pieces.len(), pieces.is_empty()), (5, false));
        assert_eq!(VecDeque::from(pieces), ["ab", "cde"]);
        assert!(Pieces::from(Bytes::new()).is_empty());
    }
}
