DROP TABLE folders;
DROP TABLE mailboxes;
