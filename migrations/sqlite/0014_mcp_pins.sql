-- What the owner allowed of the tools of MCP servers: a hash over what a model is told of a tool. `allowed` is empty for a
-- tool that appeared later and that nobody allowed yet; `seen` is the hash that the owner was told of last. A Jarvis from
-- before this migration goes on beside it: it has no such servers.

CREATE TABLE mcp_pins (
    server TEXT NOT NULL,
    tool TEXT NOT NULL,
    allowed TEXT,
    seen TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (server, tool)
) STRICT;
