-- Contacts as lists, the newest first; and the threads in which an address takes part.

DROP INDEX contacts_owner;
CREATE INDEX contacts_owner ON contacts (workspace_id, owner_id, id);
DROP INDEX contacts_company;
CREATE INDEX contacts_company ON contacts (workspace_id, company_id, id) WHERE company_id IS NOT NULL;
CREATE INDEX thread_parties_address ON thread_parties (workspace_id, address);
