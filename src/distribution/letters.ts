import { PeerError } from "../base/error.ts";
import type { Letter, Post } from "../peers/post.ts";
import { limits } from "../runtime/limits.ts";
import { checkTransactionNotification, checkTransactionRequest } from "../wire/checks.ts";
import { messageType } from "../wire/distribution-messages.ts";
import { distribution } from "../wire/services.ts";
import type { Announcement, Answer } from "./gossip.ts";

export interface LetterOptions {
  /** Throws where the sender may not know of the register, or it isn't held. */
  checkReader: (registerId: string, readerId: string | null) => void;
  hear: (teller: { peerId: string; isProven: boolean }, told: Announcement) => Answer;
  findBody: (registerId: string, transactionId: string) => Promise<Uint8Array | null>;
}

/**
 * The three messages of `PeerCommunication` about transactions, whose payloads are the messages of
 * `TransactionDistribution`: an announcement counts as one, a request is answered by a response,
 * and a response is refused, since bodies are asked for by `GetTransaction` only.
 */
export function readLetters(post: Post, options: LetterOptions): { stop: () => void } {
  const readings = [
    post.on(messageType.transactionNotification, (letter) => {
      const notification = distribution.notifyTransaction.request.decode(letter.payload);
      checkTransactionNotification(notification);
      const { registerId, isRepair: isLazy, more } = notification;
      options.checkReader(registerId, readerOf(letter));
      const items = [notification, ...more].map((one) => ({
        transactionId: one.transactionHash,
        bytes: one.transactionSize,
      }));
      options.hear(
        { peerId: letter.from, isProven: letter.isProven },
        { registerId, items, isLazy },
      );
    }),
    post.on(messageType.transactionRequest, async (letter) => {
      const request = distribution.getTransaction.request.decode(letter.payload);
      checkTransactionRequest(request);
      const { registerId, transactionHash } = request;
      if (!letter.isProven) throw unproven();
      options.checkReader(registerId, letter.from);
      const body = await options.findBody(registerId, transactionHash);
      const fits = body !== null && body.byteLength <= limits.peerMessageBytes - framing;
      const payload = distribution.getTransaction.response.encode({
        transactionHash,
        found: fits,
        ...(fits ? { transactionData: body } : {}),
      });
      await post.send(letter.from, { type: messageType.transactionResponse, payload });
    }),
    post.on(messageType.transactionResponse, () => {
      throw new PeerError("invalid", "not-asked", {
        message: "This node asks for transactions by GetTransaction only",
      });
    }),
  ];
  return { stop: () => readings.forEach((reading) => void reading.stop()) };
}

/** Of a response around its body. */
const framing = 1_024;

function readerOf({ from, isProven }: Letter): string | null {
  return isProven ? from : null;
}

/** An answer goes to whoever bears the name: a stranger could have it sent to somebody else. */
function unproven(): PeerError {
  return new PeerError("unauthenticated", "unproven", {
    message: "Only who proves its name is sent a transaction",
  });
}
