import { PeerError } from "../base/error.ts";
import { servingStatus } from "../wire/messages.ts";
import { answer, type Handler } from "../wire/serve.ts";
import { health } from "../wire/services.ts";

/**
 * The standard health service for probes; the library for it reads its .proto file from the disk,
 * where a compiled binary has none. `Watch` answers UNIMPLEMENTED, which probes understand.
 */
export function healthHandlers(options: {
  serviceNames: readonly string[];
  isServing: () => Promise<boolean>;
}): Handler[] {
  return [
    answer(health.check, async ({ service }) => {
      if (service !== "" && !options.serviceNames.includes(service)) {
        throw new PeerError("not-found", "unknown-service", {
          message: `There is no service ${JSON.stringify(service.slice(0, 100))} here`,
        });
      }
      const isServing = await options.isServing();
      return { status: isServing ? servingStatus.serving : servingStatus.notServing };
    }),
  ];
}
