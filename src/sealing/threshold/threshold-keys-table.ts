import { z } from "zod";
import { present } from "../../base/assert.ts";
import { base64urlOf, bytesOfBase64url, concat } from "../../base/bytes.ts";
import type { Sql } from "../../store/database.ts";
import type { GroupEpoch } from "./group-epoch.ts";
import type { ShareLocker } from "./share-locker.ts";

/** Table `threshold_keys`: group keys as this node holds them, its shares locked. */
export async function saveGroupEpoch(sql: Sql, epoch: GroupEpoch, locker: ShareLocker) {
  const members = epoch.members.map((member) => {
    return { ...member, publicKey: base64urlOf(member.publicKey) };
  });
  await sql`
    INSERT INTO threshold_keys (register_id, epoch, session, state, threshold, members, holders,
                                commitments, share_index, sealed_share)
    VALUES (${epoch.registerId}, ${epoch.epoch}, ${epoch.session}, ${epoch.state},
            ${epoch.threshold}, ${JSON.stringify(members)},
            ${JSON.stringify(epoch.holders)},
            ${concat(epoch.commitments)}, ${epoch.index}, ${locker.lock(epoch.share, epoch)})
    ON CONFLICT (register_id, epoch, session) DO UPDATE
       SET state = excluded.state, holders = excluded.holders`;
}

/** Of all registers, the older epochs first. */
export async function listGroupEpochs(sql: Sql, locker: ShareLocker): Promise<GroupEpoch[]> {
  const rows = await sql<Row[]>`
    SELECT register_id AS "registerId", epoch, session, state, threshold, members, holders,
           commitments, share_index AS "index", sealed_share AS "sealedShare"
      FROM threshold_keys ORDER BY register_id, epoch`;
  return rows.map(({ sealedShare, members, holders, commitments, ...row }) => ({
    ...row,
    members: memberList.parse(JSON.parse(members)),
    holders: z.array(z.string()).parse(JSON.parse(holders)),
    commitments: Array.from({ length: commitments.length / 96 }, (_, at) =>
      commitments.slice(96 * at, 96 * (at + 1)),
    ),
    share: locker.unlock(sealedShare, row),
  }));
}

/** Nothing is sealed with it any more, and what is gone can't be stolen. */
export async function deleteGroupEpoch(
  sql: Sql,
  { registerId, epoch, session }: Pick<GroupEpoch, "registerId" | "epoch" | "session">,
): Promise<void> {
  await sql`
    DELETE FROM threshold_keys
     WHERE register_id = ${registerId} AND epoch = ${epoch} AND session = ${session}`;
}

interface Row {
  registerId: string;
  epoch: number;
  session: string;
  state: "pending" | "certified";
  threshold: number;
  members: string;
  holders: string;
  commitments: Uint8Array;
  index: number;
  sealedShare: Uint8Array;
}

const memberList = z.array(
  z.object({
    validatorId: z.string(),
    publicKey: z.string().transform((text) => present(bytesOfBase64url(text), "a stored key")),
    index: z.number(),
  }),
);
