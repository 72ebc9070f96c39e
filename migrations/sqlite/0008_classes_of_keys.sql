-- The class of keys that a key belongs to, by its name in the configuration; NULL is none. A Jarvis from before this
-- migration goes on beside it and knows of no classes.
ALTER TABLE api_keys ADD COLUMN class TEXT;
