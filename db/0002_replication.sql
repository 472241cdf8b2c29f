-- What this node follows, how far it has come, and what it keeps as proof.

CREATE TABLE register_subscriptions (
  register_id          text COLLATE "C" PRIMARY KEY,
  mode                 text NOT NULL CHECK (mode IN ('ForwardOnly', 'FullReplica')),
  state                text NOT NULL
    CHECK (state IN ('Subscribing', 'Syncing', 'FullyReplicated', 'Active', 'Error')),
  -- Pinned by the operator.
  genesis_hash         bytea CHECK (octet_length(genesis_hash) = 32),
  -- The source's newest docket as last heard; null while unknown.
  target_number        bigint,
  consecutive_failures integer NOT NULL DEFAULT 0,
  error_code           text,
  error_message        text,
  created_at_ms        bigint NOT NULL,
  last_sync_at_ms      bigint
);

-- Moves in the transaction that stores the dockets before it, never apart.
CREATE TABLE sync_checkpoints (
  register_id    text COLLATE "C" PRIMARY KEY,
  number         bigint NOT NULL,
  hash           bytea NOT NULL CHECK (octet_length(hash) = 32),
  source_peer_id text,
  moved_at_ms    bigint NOT NULL
);

-- Two sealed dockets under one number: neither is ever dropped.
CREATE TABLE evidence (
  register_id    text COLLATE "C" NOT NULL,
  docket_number  bigint NOT NULL,
  hash           bytea NOT NULL CHECK (octet_length(hash) = 32),
  docket_data    bytea NOT NULL,
  source_peer_id text,
  found_at_ms    bigint NOT NULL,
  PRIMARY KEY (register_id, docket_number, hash)
);

-- Accepted transactions that no docket holds yet.
CREATE TABLE queued_transactions (
  register_id     text COLLATE "C" NOT NULL,
  transaction_id  text COLLATE "C" NOT NULL,
  -- Order of acceptance in the register.
  place           bigint NOT NULL,
  data            bytea NOT NULL,
  state           text NOT NULL CHECK (state IN ('waiting', 'dead')),
  attempts        integer NOT NULL DEFAULT 0,
  next_attempt_ms bigint NOT NULL DEFAULT 0,
  last_error      text,
  queued_at_ms    bigint NOT NULL,
  PRIMARY KEY (register_id, transaction_id)
);

ALTER TABLE queued_transactions ALTER COLUMN data SET STORAGE EXTERNAL;
CREATE INDEX queued_transactions_in_order ON queued_transactions (register_id, place);
