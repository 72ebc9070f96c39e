//! Text that somebody else wrote, made fit to be shown: no terminal sequences, no invisible characters, no secrets
//! that can be told by their shape, and no way out of the block it is quoted in.

mod clean;
mod mask;
mod quote;

pub use clean::{clean_line, clip, is_invisible};
pub use mask::{mask, mask_keys, mask_lines};
pub use quote::{code, fenced};
