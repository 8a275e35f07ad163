-- Nothing to undo: an address in NFC is one that the release before compares too.
SELECT 1;
