-- Threshold keys: what this node holds of the keys of groups that seal registers together.

CREATE TABLE threshold_keys (
  register_id   text COLLATE "C" NOT NULL,
  -- Each session of a register has a higher one; which counts says the register's policy.
  epoch         bigint NOT NULL CHECK (epoch > 0),
  -- pending: our share is whole · certified: as many as the threshold said so of theirs
  state         text NOT NULL CHECK (state IN ('pending', 'certified')),
  threshold     integer NOT NULL CHECK (threshold > 0),
  -- JSON: names, keys and indices; and of those who are known to hold their share, the names.
  members       text NOT NULL,
  holders       text NOT NULL,
  -- Points of G2, 96 bytes each: the group's key, and what all public shares follow from.
  commitments   bytea NOT NULL CHECK (octet_length(commitments) = 96 * threshold),
  share_index   integer NOT NULL CHECK (share_index > 0),
  -- Under a key that lies in the data directory, not here.
  sealed_share  bytea NOT NULL,
  PRIMARY KEY (register_id, epoch)
);
