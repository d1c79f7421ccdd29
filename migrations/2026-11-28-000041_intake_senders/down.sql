ALTER TABLE intake DROP COLUMN from_address;
