import { connect, createServer, type Socket } from "node:net";

/** A way to a server that a test can cut: connections break, and new ones are refused. */
export interface CuttableProxy {
  port: number;
  /** Now, or once that many more bytes went to the server. */
  cut(afterBytes?: number): Promise<void>;
  mend(): Promise<void>;
  close(): Promise<void>;
}

export async function openCuttableProxy(target: {
  host: string;
  port: number;
}): Promise<CuttableProxy> {
  const sockets = new Set<Socket>();
  let bytesLeft = Number.POSITIVE_INFINITY;
  let reportCut = () => {};
  const server = createServer((near) => {
    const far = connect(target.port, target.host);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        sockets.delete(one);
        other.destroy();
      });
    }
    far.on("data", (data) => near.write(data));
    near.on("data", (data) => {
      bytesLeft -= data.length;
      if (bytesLeft > 0) far.write(data);
      else void stop().then(reportCut);
    });
  });
  const listen = (port: number) =>
    new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const stop = async () => {
    const isClosed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await isClosed;
  };
  await listen(0);
  const { port } = server.address() as { port: number };
  return {
    port,
    cut: async (afterBytes = 0) => {
      if (afterBytes === 0) return await stop();
      const isCut = new Promise<void>((resolve) => {
        reportCut = resolve;
      });
      bytesLeft = afterBytes;
      await isCut;
    },
    mend: async () => {
      bytesLeft = Number.POSITIVE_INFINITY;
      await listen(port);
    },
    close: stop,
  };
}
