DROP TABLE intake;
DROP TABLE attachments;
DROP TABLE message_recipients;
DROP TABLE message_bodies;
DROP TABLE messages;
DROP TABLE message_refs;
DROP TABLE thread_parties;
DROP TABLE threads;
