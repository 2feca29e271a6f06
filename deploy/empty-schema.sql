-- Empties the schema before a backup is read back (docs/operate.md, "Backup and restore"); the schema itself, and who
-- may use it, stays. Without CASCADE: what others have built on it elsewhere is named and not dropped, and nothing is
-- done. Run by psql in one transaction with the backup. Another schema: psql --set=schema=NAME
\if :{?schema}
\else
  \set schema absence_watch
\endif
set client_min_messages = warning;

-- What depends on others goes first. All of a kind go in one statement, as they depend on each other.
select 'drop view ' || string_agg(oid::regclass::text, ', ')
from pg_class where relnamespace = to_regnamespace(:'schema') and relkind = 'v' having count(*) > 0
\gexec
select 'drop materialized view ' || string_agg(oid::regclass::text, ', ')
from pg_class where relnamespace = to_regnamespace(:'schema') and relkind = 'm' having count(*) > 0
\gexec
select 'drop routine ' || string_agg(oid::regprocedure::text, ', ')
from pg_proc where pronamespace = to_regnamespace(:'schema') having count(*) > 0
\gexec
select 'drop table ' || string_agg(oid::regclass::text, ', ')
from pg_class where relnamespace = to_regnamespace(:'schema') and relkind in ('r', 'p') having count(*) > 0
\gexec
select 'drop type ' || string_agg(t.oid::regtype::text, ', ')
from pg_type t left join pg_class c on c.oid = t.typrelid
where t.typnamespace = to_regnamespace(:'schema') and (t.typtype in ('d', 'e', 'r') or c.relkind = 'c') having count(*) > 0
\gexec
select 'drop sequence ' || string_agg(oid::regclass::text, ', ')
from pg_class where relnamespace = to_regnamespace(:'schema') and relkind = 'S' having count(*) > 0
\gexec
