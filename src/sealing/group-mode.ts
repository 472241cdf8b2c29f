import { base64urlOf, bytesOfBase64url } from "../base/bytes.ts";
import type { Group } from "./threshold/group-keys.ts";
import type { SealMode } from "./votes.ts";

/**
 * Mode `threshold`: each validator's part is made with its share of the group's key, and any
 * threshold of them give the one signature of the group. Who has no share, having been away when
 * the key was made, signs nothing and can't tell true parts: its turns pass to the next.
 *
 * Checking a part costs as much as checking the signature that comes of all of them. So parts are
 * put together first and only the whole is checked; once that failed, it is known whose part was
 * false, and from then on each is checked before it counts. One mode is of one docket number.
 */
export function groupMode(groupOf: () => Group | null): SealMode {
  let isDoubtful = false;
  return {
    signDocket: async (_number, hash) => {
      const group = groupOf();
      return group === null ? "" : base64urlOf(group.signPartial(hash));
    },
    judge: async (docket, { validatorId, value }) => {
      const group = groupOf();
      const index = group?.indexOf(validatorId) ?? null;
      const signature = bytesOfBase64url(value);
      // Who has no share says so with an empty part.
      if (group === null || index === null || value === "") return "unknown";
      if (signature?.length !== 48) return "false";
      if (!isDoubtful) return "counts";
      const isTrue = await group.isPartial(docket.docketHash, { index, signature });
      return isTrue ? "counts" : "false";
    },
    assemble: async (docket, parts) => {
      const group = groupOf();
      const partials = [...parts].flatMap(([validatorId, value]) => {
        const index = group?.indexOf(validatorId) ?? null;
        const signature = bytesOfBase64url(value);
        return index === null || signature === null ? [] : [{ index, signature }];
      });
      if (group === null) return { docket: null, faulty: [] };
      const { signature, faulty } = await group.assemble(docket.docketHash, partials);
      isDoubtful ||= faulty.length > 0;
      if (signature === null) return { docket: null, faulty };
      const groupSignature = base64urlOf(signature);
      return { docket: { ...docket, proposerSignature: null, votes: [], groupSignature }, faulty };
    },
  };
}
