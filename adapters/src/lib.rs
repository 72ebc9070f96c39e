//! Where people are: the terminal now, Discord and the streams later.

pub mod terminal;
