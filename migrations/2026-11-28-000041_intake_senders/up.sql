-- Who wrote what did not become a message (MAIL-12), where that could be read.

ALTER TABLE intake ADD COLUMN from_address text;
