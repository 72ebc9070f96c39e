//! A process ends before each of its steps, one after the other, and the next one starts on what it left: nothing is done
//! twice, nothing is lost, and what nobody can know is said to be unknown.
//!
//! A step is a write (a transaction is one) or an effect outside. What the database and the world hold between two steps
//! is all that a kill can leave, so that "before the next step" is also "right after this one".

mod life;
mod rows;
mod story;
mod table;
