DROP INDEX thread_parties_address;
DROP INDEX contacts_company;
CREATE INDEX contacts_company ON contacts (workspace_id, company_id) WHERE company_id IS NOT NULL;
DROP INDEX contacts_owner;
CREATE INDEX contacts_owner ON contacts (workspace_id, owner_id);
