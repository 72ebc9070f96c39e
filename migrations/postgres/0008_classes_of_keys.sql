-- See `../sqlite/0008_classes_of_keys.sql`.

ALTER TABLE api_keys ADD COLUMN class TEXT COLLATE "C";
