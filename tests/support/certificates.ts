/** Organisations with certificates of their own, made by the code of the program's own commands. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../src/runtime/clock.ts";
import type { Log } from "../../src/runtime/log.ts";
import { type CertificatePair, issueAuthority, issueNode } from "../../src/trust/issue.ts";
import type { Meeting } from "../../src/trust/outgoing.ts";
import { TlsFiles, type TlsPaths } from "../../src/trust/tls-files.ts";
import { type Channel, openChannel } from "../../src/wire/client.ts";
import { serverNameFor } from "../../src/wire/tls.ts";

export const dayMs = 86_400_000;

export class Organisation {
  private constructor(readonly authority: CertificatePair) {}

  static async make(name: string): Promise<Organisation> {
    return new Organisation(
      await issueAuthority({ name, validMs: 365 * dayMs, nowMs: Date.now() }),
    );
  }

  /** Below 0 days it has expired. */
  issue(nodeId: string, options: { days?: number } = {}): Promise<CertificatePair> {
    const validMs = (options.days ?? 90) * dayMs;
    return issueNode(this.authority, { nodeId, validMs, nowMs: Date.now() });
  }
}

/** As `certs issue` leaves it in a node's `tls/`. */
export async function writeTls(
  folder: string,
  given: { own: CertificatePair; trusts: readonly Organisation[] },
): Promise<TlsPaths> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const paths = {
    certificate: join(folder, "node.crt"),
    key: join(folder, "node.key"),
    ca: join(folder, "ca.crt"),
  };
  await Bun.write(paths.ca, given.trusts.map((one) => one.authority.certificate).join(""));
  await Bun.write(paths.key, given.own.key);
  await Bun.write(paths.certificate, given.own.certificate);
  return paths;
}

/** A channel such as a node or a liar opens. `tls` null: in the clear. */
export function channelAs(
  address: string,
  who: {
    nodeId?: string;
    tls?: { own: CertificatePair | null; trusts: readonly Organisation[] };
    authorization?: string;
    proof?: string;
  },
): Channel {
  const { nodeId, tls, authorization, proof } = who;
  const material = {
    ca: Buffer.from(tls?.trusts.map((one) => one.authority.certificate).join("") ?? ""),
    certificate: Buffer.from(tls?.own?.certificate ?? ""),
    key: Buffer.from(tls?.own?.key ?? ""),
  };
  const source = { current: () => material, onChange: () => () => {} };
  return openChannel({
    address,
    ...(nodeId === undefined ? {} : { nodeId }),
    security: {
      tls:
        tls === undefined
          ? null
          : { source, serverName: serverNameFor(null), problemOf: () => null },
      credentials: () => ({
        ...(authorization === undefined ? {} : { authorization }),
        ...(proof === undefined ? {} : { proof }),
      }),
    },
  });
}

/** A channel as `peers/network.ts` opens it: it expects the peer, and signs. */
export function channelOf(
  meeting: Meeting,
  to: { address: string; nodeId: string; peerId: string | null },
): Channel {
  const check = meeting.check();
  return openChannel({
    address: to.address,
    nodeId: to.nodeId,
    security: {
      tls: check === null ? null : { ...check, serverName: serverNameFor(to.peerId) },
      credentials: () => meeting.credentials(),
    },
  });
}

export function openFiles(paths: TlsPaths, nodeId: string, log: Log = silent): Promise<TlsFiles> {
  return TlsFiles.open({ paths, nodeId, clock: systemClock, log });
}

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
