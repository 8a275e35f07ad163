DROP INDEX users_odd;
DROP FUNCTION odd_beginnings(text);
DROP INDEX organizations_sorted;
DROP TABLE setup_codes;
