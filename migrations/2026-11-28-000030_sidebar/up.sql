-- Contacts, companies and deals are listed, looked up and edited; who sees which of them (ACC-2).

-- Who has made a company sees it, also before a contact of theirs belongs to it.
ALTER TABLE companies ADD COLUMN created_by uuid;
ALTER TABLE companies ADD FOREIGN KEY (workspace_id, created_by) REFERENCES users (workspace_id, id);
CREATE INDEX companies_created_by ON companies (workspace_id, created_by, id) WHERE created_by IS NOT NULL;
-- Deals as lists, the newest first.
DROP INDEX deals_owner;
CREATE INDEX deals_owner ON deals (workspace_id, owner_id, id);

-- What a team member sees: the contacts that they own, and those that take part in a conversation that they own, as its
-- primary contact or as a party of its thread.
CREATE FUNCTION postroom_contacts_of(workspace uuid, member uuid) RETURNS TABLE (id uuid) LANGUAGE sql STABLE ROWS 200 AS $$
    SELECT c.id FROM contacts c WHERE c.workspace_id = workspace AND c.owner_id = member
    UNION
    SELECT v.primary_contact_id FROM conversations v
    WHERE v.workspace_id = workspace AND v.owner_id = member AND v.merged_into IS NULL
    UNION
    SELECT e.contact_id FROM conversations v
    JOIN thread_parties p ON p.workspace_id = v.workspace_id AND p.thread_id = v.thread_id
    JOIN contact_emails e ON e.workspace_id = p.workspace_id AND e.address = p.address
    WHERE v.workspace_id = workspace AND v.owner_id = member AND v.merged_into IS NULL
$$;

-- The companies that they made, and those of contacts that they see.
CREATE FUNCTION postroom_companies_of(workspace uuid, member uuid) RETURNS TABLE (id uuid) LANGUAGE sql STABLE ROWS 200 AS $$
    SELECT m.id FROM companies m WHERE m.workspace_id = workspace AND m.created_by = member
    UNION
    SELECT c.company_id FROM contacts c
    WHERE c.workspace_id = workspace AND c.company_id IS NOT NULL
        AND c.id IN (SELECT seen.id FROM postroom_contacts_of(workspace, member) AS seen)
$$;

-- The deals that they own, and those of contacts that they see.
CREATE FUNCTION postroom_deals_of(workspace uuid, member uuid) RETURNS TABLE (id uuid) LANGUAGE sql STABLE ROWS 200 AS $$
    SELECT d.id FROM deals d WHERE d.workspace_id = workspace AND d.owner_id = member
    UNION
    SELECT a.deal_id FROM contact_deals a
    WHERE a.workspace_id = workspace
        AND a.contact_id IN (SELECT seen.id FROM postroom_contacts_of(workspace, member) AS seen)
$$;

-- Companies are looked up by name and domain, deals by name.
CREATE FUNCTION postroom_index_named() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of text := TG_ARGV[0];
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM search_entries e WHERE e.workspace_id = OLD.workspace_id AND e.entity = of AND e.id = OLD.id;
    ELSE
        INSERT INTO search_entries AS e (workspace_id, entity, id, words)
            VALUES (NEW.workspace_id, of, NEW.id, postroom_lines(NEW.name, to_jsonb(NEW) ->> 'domain'))
            ON CONFLICT (workspace_id, entity, id) DO UPDATE SET words = excluded.words WHERE e.words <> excluded.words;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER companies_search AFTER INSERT OR DELETE OR UPDATE OF name, domain ON companies
    FOR EACH ROW EXECUTE FUNCTION postroom_index_named('company');
CREATE TRIGGER deals_search AFTER INSERT OR DELETE OR UPDATE OF name ON deals
    FOR EACH ROW EXECUTE FUNCTION postroom_index_named('deal');

-- The walls hold for their owner as well, unless they are told not to.
ALTER TABLE companies NO FORCE ROW LEVEL SECURITY;
ALTER TABLE deals NO FORCE ROW LEVEL SECURITY;
INSERT INTO search_entries (workspace_id, entity, id, words)
    SELECT workspace_id, 'company', id, postroom_lines(name, domain) FROM companies
    UNION ALL
    SELECT workspace_id, 'deal', id, postroom_lines(name) FROM deals;
ALTER TABLE companies FORCE ROW LEVEL SECURITY;
ALTER TABLE deals FORCE ROW LEVEL SECURITY;
