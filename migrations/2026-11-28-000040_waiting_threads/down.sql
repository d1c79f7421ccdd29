DROP INDEX threads_waiting;
ALTER TABLE threads DROP COLUMN waiting;
