ALTER TABLE folders DROP COLUMN label;
DROP TABLE further_folders;
