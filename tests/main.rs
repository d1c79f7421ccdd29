//! Integration tests over the real binary, PostgreSQL, Dovecot and SMTP.
