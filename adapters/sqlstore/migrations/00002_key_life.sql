-- When something next happens to a key by itself: a date comes, its rotation, or
-- the end of what its history remembers. Microseconds, NULL when nothing does.

-- +goose Up
ALTER TABLE keys ADD COLUMN due_at INTEGER;

UPDATE keys SET due_at = json_extract(detail, '$.deactivation_date') WHERE state IN ('PreActive', 'Active');
UPDATE keys SET due_at = json_extract(detail, '$.activation_date')
WHERE state = 'PreActive' AND json_extract(detail, '$.activation_date') IS NOT NULL
  AND (due_at IS NULL OR due_at > json_extract(detail, '$.activation_date'));

CREATE INDEX keys_by_due ON keys (due_at) WHERE due_at IS NOT NULL;
