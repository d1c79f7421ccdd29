DROP FUNCTION postroom_event_numbers(uuid[]);
