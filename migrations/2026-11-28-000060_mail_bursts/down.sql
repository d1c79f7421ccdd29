DROP TABLE mail_bursts;
