ALTER TABLE logout_deliveries DROP COLUMN traceparent;
