//! The client against servers that are strict, slow, broken and hostile. `fake_server.py` plays them.

#[cfg(test)]
mod house;

#[cfg(test)]
mod faults;
#[cfg(test)]
mod pins;
mod resources;
#[cfg(test)]
mod tools;
