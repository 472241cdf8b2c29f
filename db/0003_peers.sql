-- The address book: whom this node knows and how far it trusts them.

CREATE TABLE peers (
  peer_id       text COLLATE "C" PRIMARY KEY,
  address       text NOT NULL,
  port          integer NOT NULL CHECK (port BETWEEN 1 AND 65535),
  public_key    bytea,
  record_seq    bigint NOT NULL DEFAULT 0,
  -- The signed record as it came, to pass on.
  record        bytea,
  is_seed       boolean NOT NULL DEFAULT false,
  first_seen_ms bigint NOT NULL,
  last_seen_ms  bigint NOT NULL,
  failure_count integer NOT NULL DEFAULT 0,
  score         real NOT NULL DEFAULT 0,
  is_banned     boolean NOT NULL DEFAULT false,
  banned_at_ms  bigint,
  ban_reason    text,
  -- What it said it holds, as last heard.
  adverts       jsonb NOT NULL DEFAULT '[]'
);
