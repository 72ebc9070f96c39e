//! Several instances over one database: who lives, whose turn it is, and what is told across them.
//!
//! ```text
//! a message to B --> run and message are rows, held by B and waiting
//!    B: is it this run's turn? --no: A's turn runs--> asked again until it is, or
//!                              --A's turn is by the same author--> A adopts it, and it joins that turn
//!                              --yes--> B runs it, here, with whoever waits for the answer
//! B dies --> what it began is closed by others as unknown; what waited is adopted and run
//! ```
//! **Correct is what the database says.** What an instance works on carries its id, and each write that begins or ends
//! something is refused when the id is another by then. So it does not matter how long an instance was paused, nor what its
//! clock says: whoever took its rows from it decides. Messages between instances only make things faster.

mod elsewhere;
mod insist;
mod life;
mod turns;
pub(crate) mod waiting;
mod watcher;

pub(crate) use elsewhere::stop;
pub(crate) use insist::Insist;
pub(crate) use life::{begin, live};
pub(crate) use turns::comes;
