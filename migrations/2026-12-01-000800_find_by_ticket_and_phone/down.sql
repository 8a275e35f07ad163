DROP INDEX users_phone, audit_events_ticket, impersonations_reason, impersonations_ticket;
