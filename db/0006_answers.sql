-- Requests that must not happen twice, and what was answered to them.

CREATE TABLE keyed_answers (
  -- Hash of the caller, the method, the path and the Idempotency-Key.
  request_id text COLLATE "C" PRIMARY KEY,
  body_hash  text NOT NULL,
  -- What the request makes is named by this, so that doing it again finds what is there.
  seed       text NOT NULL,
  at_ms      bigint NOT NULL,
  -- JSON; null until it was answered.
  answer     text
);

CREATE INDEX keyed_answers_by_time ON keyed_answers (at_ms);
