// MCP's reference server over streamable HTTP, on a free port of loopback instead of a fixed one of every address.
import net from "node:net";

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (_port, listening) {
  return listen.call(this, 0, "127.0.0.1", () => {
    console.log(`listening on http://127.0.0.1:${this.address().port}`);
    listening();
  });
};
process.argv[2] = "streamableHttp";
await import("./node_modules/@modelcontextprotocol/server-everything/dist/index.js");
