DROP TABLE users;
DROP TABLE blobs;
DROP TABLE workspace_counters;
