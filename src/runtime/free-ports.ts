import { createServer } from "node:net";
import { messageOf, PeerError } from "../base/error.ts";

/**
 * Throws `configuration` unless both ports can be listened on, so that whoever starts a node on a
 * taken port hears so at once, and not after its database was prepared. 0 is always free.
 */
export async function refuseTakenPorts(wanted: {
  host: string;
  httpPort: number;
  grpcPort: number;
}): Promise<void> {
  const { host, httpPort, grpcPort } = wanted;
  if (httpPort === grpcPort && httpPort !== 0) {
    throw new PeerError("configuration", "same-port", {
      message: `httpPort and grpcPort are both ${httpPort}: each needs a port of its own`,
    });
  }
  await refuseTaken({ host, port: httpPort, name: "HTTP" });
  await refuseTaken({ host, port: grpcPort, name: "gRPC" });
}

function refuseTaken(wanted: { host: string; port: number; name: string }): Promise<void> {
  const { host, port, name } = wanted;
  const address = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  if (port === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (thrown: Error & { code?: string }) => {
      const isTaken = thrown.code === "EADDRINUSE";
      const message = isTaken
        ? `The ${name} port is taken: something else listens on ${address}`
        : `Cannot listen for ${name} on ${address}: ${messageOf(thrown)}`;
      const code = isTaken ? "port-taken" : "cannot-listen";
      reject(new PeerError("configuration", code, { message, facts: { address }, cause: thrown }));
    });
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve()));
  });
}
