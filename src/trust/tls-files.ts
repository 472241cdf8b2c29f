import type { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { messageOf, PeerError } from "../base/error.ts";
import { type Clock, every } from "../runtime/clock.ts";
import type { Log } from "../runtime/log.ts";
import { certificatesOf, factsOf, isIssuedByOneOf, keyOf } from "./certificate.ts";

/** Paths of PEM files. */
export interface TlsPaths {
  certificate: string;
  key: string;
  ca: string;
}

interface Loaded {
  text: { certificate: string; key: string; ca: string };
  own: X509Certificate;
  authorities: X509Certificate[];
}

interface Material {
  ca: Buffer;
  certificate: Buffer;
  key: Buffer;
}

/**
 * The node's certificate, its key, and the authorities it trusts, as the files have them now. They
 * are read again and again, so that an operator only replaces them. What is not usable as a whole
 * is not taken: the node goes on with what it had and says so.
 */
export class TlsFiles {
  readonly #listeners = new Set<(material: Material) => void>();
  readonly #watch: { stop: () => Promise<void> };
  #loaded: Loaded;
  #authoritiesChangedAtMs: number | null = null;
  #problem: string | null = null;
  #warnedDay = Number.POSITIVE_INFINITY;

  private constructor(
    loaded: Loaded,
    private readonly options: { paths: TlsPaths; nodeId: string; clock: Clock; log: Log },
  ) {
    this.#loaded = loaded;
    this.#warnOfExpiry();
    this.#watch = every(checkMs, { clock: options.clock, tick: () => this.reload() });
  }

  /** Throws `configuration` in a sentence when the files are missing, broken or another node's. */
  static async open(options: {
    paths: TlsPaths;
    nodeId: string;
    clock: Clock;
    log: Log;
  }): Promise<TlsFiles> {
    return new TlsFiles(await load(options.paths, options.nodeId), options);
  }

  current(): Material {
    const { certificate, key, ca } = this.#loaded.text;
    return { certificate: Buffer.from(certificate), key: Buffer.from(key), ca: Buffer.from(ca) };
  }

  onChange(listener: (material: Material) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Whether a certificate that was good in its handshake still is, by the present authorities. */
  isStillTrusted(certificate: X509Certificate): boolean {
    if (this.#authoritiesChangedAtMs === null) return true;
    return isIssuedByOneOf(certificate, this.#loaded.authorities);
  }

  /** Unix ms: when our own certificate, or the soonest of the authorities', ends. */
  expiresAtMs(): { own: number; authority: number } {
    const { own, authorities } = this.#loaded;
    return {
      own: factsOf(own).validToMs,
      authority: Math.min(...authorities.map((authority) => factsOf(authority).validToMs)),
    };
  }

  close(): Promise<void> {
    this.#listeners.clear();
    return this.#watch.stop();
  }

  async reload(): Promise<void> {
    const { paths, nodeId, log, clock } = this.options;
    try {
      const loaded = await load(paths, nodeId);
      const before = this.#loaded;
      this.#problem = null;
      if (isSame(loaded, before)) return this.#warnOfExpiry();
      this.#loaded = loaded;
      this.#warnedDay = Number.POSITIVE_INFINITY;
      if (loaded.text.ca !== before.text.ca) this.#authoritiesChangedAtMs = clock.nowMs();
      const { validToMs, fingerprint } = factsOf(loaded.own);
      const expires = new Date(validToMs).toISOString();
      const authorities = loaded.authorities.length;
      log.info({ expires, fingerprint, authorities }, "Certificates were replaced");
      this.#warnOfExpiry();
      for (const listener of this.#listeners) listener(this.current());
    } catch (thrown) {
      const problem = messageOf(thrown);
      if (problem === this.#problem) return this.#warnOfExpiry();
      this.#problem = problem;
      log.error({ problem }, "New certificates are not usable; the node goes on with the old ones");
    }
  }

  /** Once a day from a month before the end, and once a day after it. */
  #warnOfExpiry(): void {
    const { own, authority } = this.expiresAtMs();
    const nowMs = this.options.clock.nowMs();
    const daysLeft = Math.floor((Math.min(own, authority) - nowMs) / dayMs);
    if (daysLeft >= warnDays || daysLeft >= this.#warnedDay) return;
    this.#warnedDay = daysLeft;
    const facts = {
      daysLeft,
      file: own <= authority ? this.options.paths.certificate : this.options.paths.ca,
    };
    if (daysLeft < 0)
      this.options.log.error(facts, "A certificate has expired: peers refuse this node");
    else this.options.log.warn(facts, "A certificate expires soon: replace the file");
  }
}

/** Between two looks at the files: how soon a replaced one is noticed. */
const checkMs = 2_000;
const dayMs = 86_400_000;
const warnDays = 30;

async function load(paths: TlsPaths, nodeId: string): Promise<Loaded> {
  const text = {
    certificate: await read(paths.certificate, "certificate"),
    key: await read(paths.key, "certificate's key"),
    ca: await read(paths.ca, "list of trusted authorities"),
  };
  const own = certificatesOf(text.certificate, paths.certificate)[0] as X509Certificate;
  const authorities = certificatesOf(text.ca, paths.ca);
  if (!own.checkPrivateKey(keyOf(text.key, paths.key))) {
    throw unusable(
      `The key in ${paths.key} is not that of the certificate in ${paths.certificate}`,
    );
  }
  const named = factsOf(own).nodeId;
  if (named !== nodeId) {
    const whose = named === null ? "names no single node" : `is node ${named}'s`;
    throw unusable(`The certificate in ${paths.certificate} ${whose}, and this node is ${nodeId}`);
  }
  return { text, own, authorities };
}

async function read(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new PeerError("configuration", "no-certificate", {
      message: `This node's ${what} can't be read from ${path}; see sorcha-peer certs issue --help`,
      cause,
    });
  }
}

function isSame(left: Loaded, right: Loaded): boolean {
  return (
    left.text.certificate === right.text.certificate &&
    left.text.key === right.text.key &&
    left.text.ca === right.text.ca
  );
}

function unusable(message: string): PeerError {
  return new PeerError("configuration", "bad-certificate", { message });
}
