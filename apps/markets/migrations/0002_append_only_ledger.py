"""What the database itself holds: transfers that sum to zero, postings and sealed entries that are never changed."""

from django.db import migrations

BALANCED = """
CREATE FUNCTION markets_transfers_balanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE bad bigint;
BEGIN
    SELECT transfer_id INTO bad FROM written GROUP BY transfer_id
        HAVING sum(amount_nano) <> 0 OR sum(energy_wh) <> 0 LIMIT 1;
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'transfer % does not sum to zero', bad USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER postings_balanced AFTER INSERT ON markets_posting
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION markets_transfers_balanced();
"""
BALANCED_BACK = (
    "DROP TRIGGER postings_balanced ON markets_posting; DROP FUNCTION markets_transfers_balanced();"
)
KEPT = """
CREATE FUNCTION markets_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER postings_kept BEFORE UPDATE OR DELETE ON markets_posting FOR EACH ROW EXECUTE FUNCTION markets_kept();
CREATE TRIGGER log_kept BEFORE UPDATE OR DELETE ON markets_logentry FOR EACH ROW EXECUTE FUNCTION markets_kept();
CREATE TRIGGER leaves_kept BEFORE UPDATE OR DELETE ON markets_logleaf FOR EACH ROW EXECUTE FUNCTION markets_kept();
"""
KEPT_BACK = """
DROP TRIGGER postings_kept ON markets_posting; DROP TRIGGER log_kept ON markets_logentry;
DROP TRIGGER leaves_kept ON markets_logleaf; DROP FUNCTION markets_kept();
"""


class Migration(migrations.Migration):
    dependencies = [("markets", "0001_initial")]
    operations = [migrations.RunSQL(BALANCED, BALANCED_BACK), migrations.RunSQL(KEPT, KEPT_BACK)]
