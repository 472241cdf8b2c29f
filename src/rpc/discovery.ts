import type { Discovery } from "../peers/discovery.ts";
import { answer, type Handler } from "../wire/serve.ts";
import { discovery as rpc } from "../wire/services.ts";

/** `PeerDiscovery`: who is there, and who has what. */
export function discoveryHandlers(discovery: () => Discovery): Handler[] {
  return [
    answer(rpc.getPeerList, (request, caller) => discovery().getPeerList(request, caller)),
    answer(rpc.registerPeer, (request, caller) => discovery().registerPeer(request, caller)),
    answer(rpc.ping, () => discovery().ping()),
    answer(rpc.exchangePeers, (request, caller) => discovery().exchangePeers(request, caller)),
    answer(rpc.findPeersForRegister, (request, caller) =>
      discovery().findPeersForRegister(request, caller),
    ),
  ];
}
