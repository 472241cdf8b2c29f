/** What the node and the thread of the embedded database say to each other. */
export type ToEmbedded =
  | { kind: "open"; directory: string; schema: string }
  /** Whole messages of the PostgreSQL protocol, as the driver writes them. */
  | { kind: "request"; connection: number; bytes: Uint8Array }
  /** The connection is gone: what it left open is rolled back. */
  | { kind: "hangup"; connection: number }
  | { kind: "close" };

export type FromEmbedded =
  | { kind: "opened" }
  | { kind: "reply"; connection: number; bytes: Uint8Array }
  /** The database can't go on, or didn't start. */
  | { kind: "failed"; message: string }
  | { kind: "closed" };
