-- Each caller has a share of the keyed requests that are kept: whoever sends many loses their own.

ALTER TABLE keyed_answers ADD COLUMN caller_id text COLLATE "C" NOT NULL DEFAULT '';

CREATE INDEX keyed_answers_by_caller ON keyed_answers (caller_id, at_ms);
