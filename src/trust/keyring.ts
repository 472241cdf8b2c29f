import { findTokenKeys, openSigningKey } from "./signing-key.ts";

type KeySettings = Parameters<typeof openSigningKey>[0];

/**
 * The keys that tokens are checked with, the one that signs first. Keys are changed without a
 * moment of refusal: the new one is put first, the old one stays until its tokens have expired.
 */
export class Keyring {
  private constructor(private keys: readonly string[]) {}

  static async open(settings: KeySettings): Promise<Keyring> {
    await openSigningKey(settings);
    return new Keyring(await findTokenKeys(settings));
  }

  current(): readonly string[] {
    return this.keys;
  }

  /** Reads them again. They stay as they were when there are none any more. */
  async reload(settings: KeySettings): Promise<void> {
    const found = await findTokenKeys(settings);
    if (found.length > 0) this.keys = found;
  }
}
