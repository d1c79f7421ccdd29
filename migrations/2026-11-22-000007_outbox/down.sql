DROP TABLE delivery_recipients;
DROP TABLE outbox;
