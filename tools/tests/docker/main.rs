//! The Docker tools on a real engine. Without one they fail: `scripts/docker-for-tests.sh` starts one.

#[cfg(test)]
mod acts;
#[cfg(test)]
mod engine;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod names;
#[cfg(test)]
mod reads;
#[cfg(test)]
mod relay;
