-- Key sessions: sessions that came to nothing may have had the number of the next one.

ALTER TABLE threshold_keys ADD COLUMN session text NOT NULL DEFAULT '';
ALTER TABLE threshold_keys ALTER COLUMN session DROP DEFAULT;
ALTER TABLE threshold_keys DROP CONSTRAINT threshold_keys_pkey;
ALTER TABLE threshold_keys ADD PRIMARY KEY (register_id, epoch, session);
