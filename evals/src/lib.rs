//! Measures the agent with replayed cases.
