-- What a validator that seals with others has said about a docket number and must stand by.

CREATE TABLE sealing_rounds (
  register_id    text COLLATE "C" NOT NULL,
  docket_number  bigint NOT NULL,
  -- Nothing of a lower round is accepted or locked any more.
  promised_round bigint NOT NULL,
  accepted_round bigint,
  accepted_hash  bytea CHECK (octet_length(accepted_hash) = 32),
  -- A quorum's certificate and the docket that it is for, with bodies and without its seal.
  lock           bytea,
  lock_bundle    bytea,
  PRIMARY KEY (register_id, docket_number)
);

ALTER TABLE sealing_rounds ALTER COLUMN lock_bundle SET STORAGE EXTERNAL;

-- The one docket of each number that this node's key ever signed.
CREATE TABLE sealing_signed (
  register_id   text COLLATE "C" NOT NULL,
  docket_number bigint NOT NULL,
  hash          bytea NOT NULL CHECK (octet_length(hash) = 32),
  PRIMARY KEY (register_id, docket_number)
);

-- The policy that this node's operator agreed to vote for, as its one spelling.
CREATE TABLE policy_approvals (
  register_id text COLLATE "C" PRIMARY KEY,
  policy      text NOT NULL
);
