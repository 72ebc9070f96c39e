//! How a plain command is written down: phrases on one side, tool calls on the other.

/// One thing that can be said without a model. Tools declare their commands beside themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    /// The ways to say it, in lower case and without punctuation: `logs {container}`. `{name}` takes one word.
    /// The first phrase is the one that `help` shows.
    pub phrases: &'static [&'static str],
    /// The calls it stands for, made in this order.
    pub calls: &'static [CallForm],
    /// What it does, for `help`: `shows the last lines of a container's log`.
    pub help: &'static str,
}

/// A tool call with holes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallForm {
    pub tool: &'static str,
    /// Argument name and value; a value `{name}` is replaced by the word that the phrase took, and the argument is left
    /// out when the phrase has no such hole. A whole number, `true` and `false` become what they say unless the tool's
    /// schema wants text there.
    pub arguments: &'static [(&'static str, &'static str)],
}
