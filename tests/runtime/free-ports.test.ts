import { expect, test } from "bun:test";
import { createServer } from "node:net";
import { refuseTakenPorts } from "../../src/runtime/free-ports.ts";
import { errorOf } from "../support/error-of.ts";

test("a taken port, one that isn't ours and one for both are named in a sentence", async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const { port } = other.address() as { port: number };
  const host = "127.0.0.1";
  expect(await errorOf(refuseTakenPorts({ host, httpPort: port, grpcPort: 0 }))).toMatchObject({
    kind: "configuration",
    code: "port-taken",
    message: `The HTTP port is taken: something else listens on 127.0.0.1:${port}`,
  });
  expect(await errorOf(refuseTakenPorts({ host, httpPort: 0, grpcPort: port }))).toMatchObject({
    message: `The gRPC port is taken: something else listens on 127.0.0.1:${port}`,
  });
  expect(await errorOf(refuseTakenPorts({ host, httpPort: 7, grpcPort: 7 }))).toMatchObject({
    code: "same-port",
  });
  const foreign = { host: "192.0.2.1", httpPort: 0, grpcPort: port };
  expect(await errorOf(refuseTakenPorts(foreign))).toMatchObject({ code: "cannot-listen" });
  await new Promise((resolve) => other.close(resolve));
  await refuseTakenPorts({ host, httpPort: port, grpcPort: 0 });
});
