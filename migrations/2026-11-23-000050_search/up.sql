-- Looking people and things up by words that may be mistyped.
--
-- Trigram operators are not leakproof, so that under row-level security none of them can be an index condition. What is
-- looked up therefore stands in one table of its own, kept by triggers, and is read through one function that runs as the
-- table's owner: it takes the workspace from the transaction's setting, as the walls do, and gives back ids and no words.

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS btree_gin WITH SCHEMA public;

-- A text as it is compared: without case, accents, points and invisible characters, the same whatever the cluster's
-- locale is. Latin letters become ASCII ones. Each other letter becomes three capital ones, since pg_trgm sees no others
-- where the locale is C: they can't be mistaken for Latin text, and a wrong letter costs as much as in Latin text.
CREATE FUNCTION postroom_fold(shown text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    folded text := shown;
BEGIN
    IF folded ~ '[^\x01-\x7f]' THEN
        folded := normalize(folded, NFKD);
        -- Combining marks of Latin, Greek, Cyrillic, Hebrew and Arabic; soft hyphens, joiners, marks of direction.
        folded := regexp_replace(folded,
            '[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]',
            '', 'g');
        folded := translate(folded, 'ØøŁłĐđÐðıĦħŦŧŊŋ', 'oolldDddihhttnn');
        folded := replace(replace(replace(replace(folded, 'ß', 'ss'), 'ẞ', 'ss'), 'Æ', 'ae'), 'æ', 'ae');
        folded := replace(replace(replace(replace(folded, 'Œ', 'oe'), 'œ', 'oe'), 'Þ', 'th'), 'þ', 'th');
        folded := translate(folded,
            'ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩςАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЂЃЄЅІЇЈЉЊЋЌЍЎЏҐ'
            'ԱԲԳԴԵԶԷԸԹԺԻԼԽԾԿՀՁՂՃՄՅՆՇՈՉՊՋՌՍՎՏՐՑՒՓՔՕՖ',
            'αβγδεζηθικλμνξοπρστυφχψωσабвгдежзийклмнопрстуфхцчшщъыьэюяђѓєѕіїјљњћќѝўџґ'
            'աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆ');
    END IF;
    folded := lower(folded COLLATE "C");
    IF folded ~ '[^\x01-\x7f]' THEN
        -- 7919 and 17576 = 26³ have no common divisor: neighbours in a script get letters that have little in common.
        SELECT string_agg(CASE
            WHEN ascii(c) < 128 THEN c
            ELSE chr(65 + (ascii(c)::bigint * 7919 % 17576 / 676)::int) || chr(65 + (ascii(c)::bigint * 7919 % 676 / 26)::int)
                || chr(65 + (ascii(c)::bigint * 7919 % 26)::int)
            END, '' ORDER BY place)
        INTO folded FROM unnest(string_to_array(folded, NULL)) WITH ORDINALITY AS t (c, place);
    END IF;
    RETURN btrim(regexp_replace(folded, '\s+', ' ', 'g'));
END $$;

-- How well words (folded, a line for each name or address, line breaks around each) fit what is looked for (folded):
-- 1000 a whole line, 900 a line's beginning, 800 a word's, 700 a part; below that by similarity.
CREATE FUNCTION postroom_fit(words text, needle text) RETURNS integer
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN CASE
        WHEN strpos(words, E'\n' || needle || E'\n') > 0 THEN 1000
        WHEN strpos(words, E'\n' || needle) > 0 THEN 900
        WHEN strpos(translate(words, '@.-_+''/', '       '), ' ' || needle) > 0 THEN 800
        WHEN strpos(words, needle) > 0 THEN 700
        ELSE (600 * public.word_similarity(needle, words))::integer
    END;

-- What is kept of some names and addresses: each folded, on a line of its own, with a line break before the first and
-- behind the last. Müller is written Mueller as well.
CREATE FUNCTION postroom_lines(VARIADIC shown text[]) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
    SELECT E'\n' || coalesce(string_agg(line || E'\n', '' ORDER BY place, line), '') FROM (
        SELECT DISTINCT place, line FROM unnest(shown) WITH ORDINALITY AS given (name, place),
            LATERAL (VALUES (public.postroom_fold(name)), (CASE WHEN normalize(name, NFC) ~ '[äöüøåÄÖÜØÅ]' THEN
                public.postroom_fold(replace(replace(replace(replace(replace(translate(normalize(name, NFC), 'ÄÖÜØÅ', 'äöüøå'),
                    'ä', 'ae'), 'ö', 'oe'), 'ü', 'ue'), 'ø', 'oe'), 'å', 'aa')) END)) AS written (line)
        WHERE line <> '') AS lines
$$;

CREATE TABLE search_entries (
    workspace_id uuid NOT NULL,
    entity       text NOT NULL CHECK (entity IN ('contact', 'company', 'deal')),
    id           uuid NOT NULL,
    words        text NOT NULL,
    PRIMARY KEY (workspace_id, entity, id)
);
CREATE INDEX search_entries_words ON search_entries USING gin (workspace_id, entity, words gin_trgm_ops);
SELECT postroom_wall('search_entries');
-- The function below runs as the owner, for whom the wall would rule the index out. It says the wall's condition itself.
ALTER TABLE search_entries NO FORCE ROW LEVEL SECURITY;

-- What of the setting's workspace fits: ids with how well (postroom_fit). Where many have what is looked for in them as it
-- is written, nobody is asked whether it was mistyped.
CREATE FUNCTION postroom_search(wanted text, looked_for text) RETURNS TABLE (id uuid, fit integer)
    LANGUAGE plpgsql STABLE STRICT SECURITY DEFINER ROWS 100
    -- The table has all workspaces' words: what most of one's own have in common is still found by the index.
    SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET pg_trgm.word_similarity_threshold = 0.4 AS $$
DECLARE
    here   uuid := nullif(current_setting('postroom.workspace_id', true), '')::uuid;
    needle text := public.postroom_fold(looked_for);
    -- Each of its words somewhere, in whatever order.
    parts  text[] := ARRAY(SELECT '%' || regexp_replace(word, '([\\%_])', '\\\1', 'g') || '%'
                           FROM string_to_table(needle, ' ') AS word);
    likely text;
    near   text[];
    found_as_written bigint;
BEGIN
    IF needle = '' THEN
        RETURN;
    ELSIF length(needle) < 3 THEN
        -- Too short to be similar to anything, or to be looked for in the middle of words.
        RETURN QUERY
            SELECT e.id, public.postroom_fit(e.words, needle) FROM public.search_entries e
            WHERE e.workspace_id = here AND e.entity = wanted
                AND (e.words LIKE '%' || E'\n' || substr(parts[1], 2) OR e.words LIKE '% ' || substr(parts[1], 2));
        RETURN;
    END IF;
    RETURN QUERY
        SELECT e.id, public.postroom_fit(e.words, needle) FROM public.search_entries e
        WHERE e.workspace_id = here AND e.entity = wanted AND e.words LIKE ALL (parts);
    GET DIAGNOSTICS found_as_written = ROW_COUNT;
    IF found_as_written >= 50 THEN
        RETURN;
    END IF;
    -- Colleagues' addresses are alike behind the @; a longer text must be more alike, since it may be one word of two.
    likely := split_part(needle, '@', 1);
    IF length(likely) < 3 THEN
        likely := needle;
    END IF;
    PERFORM set_config('pg_trgm.word_similarity_threshold', CASE WHEN length(likely) > 8 THEN '0.6' ELSE '0.4' END, true);
    -- Two letters that changed places leave hardly a trigram of a short word as it was.
    near := ARRAY(SELECT '%' || overlay(likely PLACING reverse(substr(likely, n, 2)) FROM n FOR 2) || '%'
                  FROM generate_series(2, length(likely) - 1) AS n
                  WHERE length(likely) BETWEEN 4 AND 12 AND likely ~ '^[a-z]*$');
    RETURN QUERY
        SELECT e.id, public.postroom_fit(e.words, needle) FROM public.search_entries e
        WHERE e.workspace_id = here AND e.entity = wanted AND NOT e.words LIKE ALL (parts)
            AND (e.words LIKE ANY (near) OR e.words OPERATOR(public.%>) likely);
END $$;
REVOKE ALL ON FUNCTION postroom_search(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION postroom_search(text, text) TO postroom_app;

-- Contacts: their name both ways round, and each address.
CREATE FUNCTION postroom_contact_words(workspace uuid, contact uuid) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT postroom_lines(VARIADIC
        ARRAY[concat_ws(' ', c.first_name, c.last_name), CASE WHEN c.first_name <> '' THEN c.last_name || ' ' || c.first_name END]
        || ARRAY(SELECT e.address FROM contact_emails e
                 WHERE e.workspace_id = c.workspace_id AND e.contact_id = c.id ORDER BY e.id))
    FROM contacts c WHERE c.workspace_id = workspace AND c.id = contact
$$;

CREATE FUNCTION postroom_index_contact() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    old_row jsonb := to_jsonb(OLD);
    new_row jsonb := to_jsonb(NEW);
    of      text := CASE TG_TABLE_NAME WHEN 'contacts' THEN 'id' ELSE 'contact_id' END;
    one     record;
BEGIN
    FOR one IN SELECT DISTINCT (r ->> 'workspace_id')::uuid AS workspace, (r ->> of)::uuid AS contact
               FROM unnest(ARRAY[old_row, new_row]) AS r WHERE r IS NOT NULL LOOP
        IF TG_TABLE_NAME = 'contacts' AND TG_OP = 'DELETE' THEN
            DELETE FROM search_entries e WHERE e.workspace_id = one.workspace AND e.entity = 'contact' AND e.id = one.contact;
        ELSE
            INSERT INTO search_entries AS e (workspace_id, entity, id, words)
                SELECT one.workspace, 'contact', one.contact, words
                FROM postroom_contact_words(one.workspace, one.contact) AS words WHERE words IS NOT NULL
                ON CONFLICT (workspace_id, entity, id) DO UPDATE SET words = excluded.words WHERE e.words <> excluded.words;
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER contacts_search AFTER INSERT OR DELETE OR UPDATE OF first_name, last_name ON contacts
    FOR EACH ROW EXECUTE FUNCTION postroom_index_contact();
CREATE TRIGGER contact_emails_search AFTER INSERT OR DELETE OR UPDATE OF address, contact_id ON contact_emails
    FOR EACH ROW EXECUTE FUNCTION postroom_index_contact();

-- The walls hold for their owner as well, unless they are told not to.
ALTER TABLE contacts NO FORCE ROW LEVEL SECURITY;
ALTER TABLE contact_emails NO FORCE ROW LEVEL SECURITY;
INSERT INTO search_entries (workspace_id, entity, id, words)
    SELECT workspace_id, 'contact', id, postroom_contact_words(workspace_id, id) FROM contacts;
ALTER TABLE contacts FORCE ROW LEVEL SECURITY;
ALTER TABLE contact_emails FORCE ROW LEVEL SECURITY;
