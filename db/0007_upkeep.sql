-- Upkeep: when a register was last audited, what is known to be damaged, what a follower keeps.

CREATE TABLE audits (
  register_id    text COLLATE "C" PRIMARY KEY,
  finished_at_ms bigint NOT NULL,
  took_ms        bigint NOT NULL,
  dockets        bigint NOT NULL,
  transactions   bigint NOT NULL,
  is_whole       boolean NOT NULL,
  -- What lies from here on could not be judged before something else is repaired; null: nothing.
  unjudged_from  bigint
);

-- What an audit found and no repair has mended. Dockets of the part 'bundle' are not served.
CREATE TABLE damage (
  register_id  text COLLATE "C" NOT NULL,
  -- bundle: documents · columns and index: what is derived from them · register: its row.
  part         text NOT NULL CHECK (part IN ('bundle', 'columns', 'index', 'register')),
  first_number bigint NOT NULL,
  last_number  bigint NOT NULL CHECK (last_number >= first_number),
  code         text NOT NULL,
  message      text NOT NULL,
  PRIMARY KEY (register_id, part, first_number)
);

-- A follower without the past may let go of what is older; null: it keeps everything.
ALTER TABLE register_subscriptions
  ADD COLUMN keep_dockets bigint CHECK (keep_dockets > 0),
  ADD COLUMN keep_days integer CHECK (keep_days > 0);
