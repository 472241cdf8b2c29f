import { answerHeartbeat, type HeartbeatOptions } from "../peers/heartbeat.ts";
import { checkAdvert, checkNodeId } from "../wire/checks.ts";
import { answer, type Handler } from "../wire/serve.ts";
import { heartbeat } from "../wire/services.ts";

/** `PeerHeartbeat`. The streaming form is not built yet and answers UNIMPLEMENTED. */
export function heartbeatHandlers(options: () => HeartbeatOptions): Handler[] {
  return [
    answer(heartbeat.sendHeartbeat, (request) => {
      checkNodeId("peer_id", request.peerId);
      for (const advert of request.advertisedRegisters) checkAdvert(advert);
      return answerHeartbeat(request, options());
    }),
  ];
}
