-- What this node holds: registers, their dockets byte for byte, and where each transaction lies.

CREATE TABLE registers (
  register_id       text COLLATE "C" PRIMARY KEY,
  name              text NOT NULL,
  description       text NOT NULL,
  is_public         boolean NOT NULL,
  -- The policy in force after the head, as JSON.
  policy            text NOT NULL,
  genesis_hash      bytea NOT NULL CHECK (octet_length(genesis_hash) = 32),
  -- Lowest docket of the unbroken run that ends at the head; 0 for a full replica.
  first_number      bigint NOT NULL CHECK (first_number >= 0),
  head_number       bigint NOT NULL CHECK (head_number >= first_number),
  head_hash         bytea NOT NULL CHECK (octet_length(head_hash) = 32),
  head_time_ms      bigint NOT NULL,
  -- Version of the newest transaction: its 1-based place in the register.
  latest_version    bigint NOT NULL CHECK (latest_version >= 0),
  -- What is held here, not what the register has.
  transaction_count bigint NOT NULL,
  bytes             bigint NOT NULL,
  verification      text NOT NULL CHECK (verification IN ('sealed', 'chain')),
  is_origin         boolean NOT NULL,
  -- Being deleted: as good as gone, and deleted to the end at the next start.
  is_purging        boolean NOT NULL DEFAULT false,
  created_at_ms     bigint NOT NULL
);

CREATE TABLE dockets (
  register_id       text COLLATE "C" NOT NULL,
  number            bigint NOT NULL CHECK (number >= 0),
  hash              bytea NOT NULL CHECK (octet_length(hash) = 32),
  -- Empty for docket 0.
  previous_hash     bytea NOT NULL CHECK (octet_length(previous_hash) IN (0, 32)),
  time_ms           bigint NOT NULL,
  -- Version of its first transaction, or of the next one where it has none; 0 where unknown.
  first_version     bigint NOT NULL,
  transaction_count integer NOT NULL,
  is_control        boolean NOT NULL,
  is_sealed         boolean NOT NULL,
  -- Length of the part of the bundle that holds the docket document alone.
  header_bytes      integer NOT NULL,
  bundle_bytes      integer NOT NULL,
  -- A DocketBundle of proto/replication.proto: the documents as they came.
  bundle            bytea NOT NULL,
  PRIMARY KEY (register_id, number)
);

-- Uncompressed, so that a part of a bundle is read without the rest of it.
ALTER TABLE dockets ALTER COLUMN bundle SET STORAGE EXTERNAL;
CREATE INDEX dockets_by_version ON dockets (register_id, first_version);
CREATE INDEX dockets_of_policy_chain ON dockets (register_id, number) WHERE is_control;

-- The key is a part of the transaction's id or of a hash of it. It finds rows; the documents decide.
-- This table takes more rows than all others together, at random keys: a key of 8 bytes in an index
-- of its own costs half of what a primary key of all columns does, and the brin index next to
-- nothing. It finds a register's rows by docket, for deleting.
CREATE TABLE transactions (
  register_id   text COLLATE "C" NOT NULL,
  key           bigint NOT NULL,
  docket_number bigint NOT NULL,
  position      integer NOT NULL,
  -- Where the document lies in the docket's bundle.
  body_offset   integer NOT NULL,
  body_length   integer NOT NULL
);

CREATE INDEX transactions_by_key ON transactions (key);
CREATE INDEX transactions_by_docket ON transactions USING brin (register_id, docket_number);
