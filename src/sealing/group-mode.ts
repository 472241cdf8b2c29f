import { base64urlOf, bytesOfBase64url } from "../base/bytes.ts";
import type { Group } from "./threshold/group-keys.ts";
import type { SealMode } from "./votes.ts";

/**
 * Mode `threshold`: each validator's part is made with its share of the group's key, and any
 * threshold of them give the one signature of the group. Who has no share, having been away when
 * the key was made, signs nothing and can't tell true parts: its turns pass to the next.
 */
export function groupMode(groupOf: () => Group | null): SealMode {
  return {
    signDocket: async (_number, hash) => {
      const group = groupOf();
      return group === null ? "" : base64urlOf(group.signPartial(hash));
    },
    isTrue: async (docket, { validatorId, value }) => {
      const group = groupOf();
      const index = group?.indexOf(validatorId) ?? null;
      const signature = bytesOfBase64url(value);
      if (group === null || index === null || signature === null) return false;
      return group.isPartial(docket.docketHash, { index, signature });
    },
    assemble: async (docket, parts) => {
      const group = groupOf();
      const partials = [...parts].flatMap(([validatorId, value]) => {
        const index = group?.indexOf(validatorId) ?? null;
        const signature = bytesOfBase64url(value);
        return index === null || signature === null ? [] : [{ index, signature }];
      });
      const made = group?.assemble(docket.docketHash, partials).signature ?? null;
      // Without a signature it is refused on its way in, like every docket that bears no seal.
      if (made === null) return docket;
      const groupSignature = base64urlOf(made);
      return { ...docket, proposerSignature: null, votes: [], groupSignature };
    },
  };
}
