-- An operator may let a subscription rest: since when, unix ms; null while it runs.

ALTER TABLE register_subscriptions ADD COLUMN paused_at_ms bigint;
