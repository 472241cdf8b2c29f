-- Whether certificate, token or the name itself vouch for a peer's key.

ALTER TABLE peers ADD COLUMN is_certified boolean NOT NULL DEFAULT false;
