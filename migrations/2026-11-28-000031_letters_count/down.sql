DO $$
BEGIN
    -- As in up.sql: the extension must be loaded.
    PERFORM public.show_limit();
    EXECUTE replace(pg_get_functiondef('postroom_search(text, text)'::regprocedure),
        'CASE WHEN length(regexp_replace(likely, ''[A-Z]{3}'', ''x'', ''g'')) > 8 THEN', 'CASE WHEN length(likely) > 8 THEN');
END $$;
