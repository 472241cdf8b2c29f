// A client that Node runs, made of the published .proto files alone. Asks a node for what its
// argument names and prints what it saw as one JSON object.
import { credentials, loadPackageDefinition, status } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const [address, protoFolder, registerId] = process.argv.slice(2);
const names = ["peer_discovery", "register_sync", "docket_sync", "replication"];
const contract = loadPackageDefinition(
  loadSync(
    names.map((name) => `${name}.proto`),
    { longs: Number, defaults: true, includeDirs: [protoFolder] },
  ),
);
const options = { "grpc.max_receive_message_length": 16 * 1024 * 1024 };
const { peer } = contract.sorcha;
const replication = new peer.replication.v1.Replication(
  address,
  credentials.createInsecure(),
  options,
);
const sync = new peer.sync.RegisterSync(address, credentials.createInsecure(), options);

const held = await ask(sync, "GetRegisterSyncStatus", { registerId });
const unknown = await ask(sync, "GetRegisterSyncStatus", { registerId: "unknown" }).catch((e) => e);
const whole = await pull();
for (let round = 0; round < 5; round++) await leaveEarly();
const again = await pull();
replication.close();
sync.close();
process.stdout.write(
  JSON.stringify({
    totalDockets: held.totalDockets,
    unknown: [status[unknown.code], unknown.metadata.get("sorcha-refusal")[0]],
    whole,
    isSameAgain: JSON.stringify(whole) === JSON.stringify(again),
  }),
);

function ask(client, method, request) {
  return new Promise((resolve, reject) => {
    client[method](request, (error, response) => (error ? reject(error) : resolve(response)));
  });
}

async function pull() {
  const seen = { dockets: 0, transactions: 0, bytes: 0, longestFrame: 0 };
  for await (const page of replication.PullRange({ registerId })) {
    let frame = 0;
    for (const bundle of page.bundles) {
      seen.dockets += 1;
      seen.transactions += bundle.transactionData.length;
      frame += bundle.docketData.length;
      for (const data of bundle.transactionData) frame += data.length;
    }
    seen.bytes += frame;
    seen.longestFrame = Math.max(seen.longestFrame, frame);
  }
  return seen;
}

async function leaveEarly() {
  const call = replication.Follow({ registerId });
  for await (const page of call) {
    if (page.bundles.length > 0) break;
  }
  call.cancel();
}
