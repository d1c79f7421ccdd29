DROP FUNCTION postroom_forget_audit();
DROP TABLE audit;
