-- See `../sqlite/0014_mcp_pins.sql`.

CREATE TABLE mcp_pins (
    server TEXT COLLATE "C" NOT NULL,
    tool TEXT COLLATE "C" NOT NULL,
    allowed TEXT COLLATE "C",
    seen TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (server, tool)
);
