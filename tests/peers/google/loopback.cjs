// The emulator listens on every address of the machine; a test's server may listen on loopback alone.
const net = require("node:net");
const listen = net.Server.prototype.listen;

net.Server.prototype.listen = function (first, ...rest) {
  const port = typeof first === "object" ? first.port : first;
  const callback = rest.find((argument) => typeof argument === "function");
  return listen.call(this, { port, host: "127.0.0.1" }, callback);
};
