-- What a restart must not forget about peers, and which registers are not advertised.

ALTER TABLE peers
  ADD COLUMN is_tried boolean NOT NULL DEFAULT false,
  ADD COLUMN is_manual boolean NOT NULL DEFAULT false,
  -- Dialled first at the next start.
  ADD COLUMN is_anchor boolean NOT NULL DEFAULT false,
  -- Network group of whoever told us of it first.
  ADD COLUMN source_group text NOT NULL DEFAULT '',
  ADD COLUMN is_authenticated boolean NOT NULL DEFAULT false,
  ADD COLUMN latency_ms real,
  ADD COLUMN succeeded bigint NOT NULL DEFAULT 0,
  ADD COLUMN failed bigint NOT NULL DEFAULT 0,
  ADD COLUMN quarantined_until_ms bigint,
  ADD COLUMN quarantine_reason text,
  ADD COLUMN quarantine_count integer NOT NULL DEFAULT 0;

CREATE INDEX events_by_peer ON events (peer_id, event_id) WHERE peer_id IS NOT NULL;

-- The operator's word on a register held here; without a row it is advertised.
CREATE TABLE advert_settings (
  register_id   text COLLATE "C" PRIMARY KEY,
  is_advertised boolean NOT NULL
);
