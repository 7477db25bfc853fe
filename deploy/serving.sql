-- The database that serves a copy of releases, and what only a superuser may do about it. Run once:
--
--   URBANBRAIN_SECRET_POSTGRES=… psql --username=postgres --file=deploy/serving.sql
--
-- docs/operations.md, PostgreSQL, tells who logs in then, and how.
\set ON_ERROR_STOP on
\getenv password URBANBRAIN_SECRET_POSTGRES

-- Neither a superuser nor past row-level security. It makes the roles of offices, and may end sessions that last too long.
create role urbanbrain_loader login createrole password :'password';
grant pg_signal_backend, pg_read_all_stats to urbanbrain_loader;
-- Text is in the order of its bytes, as DuckDB has it; comparing it by a language's rules would cost several times as much.
create database serving with owner urbanbrain_loader
template template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C.UTF-8';

-- The access audit: who connected from where, and every statement. No user can switch it off.
alter system set log_connections = on;
alter system set log_disconnections = on;
alter system set log_line_prefix = '%m [%p] %u@%d %h %a ';
alter database serving set log_statement = 'all';
-- The loader asks every few seconds who is there; what it puts in front of readers is in serving.loads.
alter role urbanbrain_loader in database serving set log_statement = 'ddl';
-- A question may spill so much to disk.
alter database serving set temp_file_limit = '2GB';
select pg_reload_conf();

\connect serving
revoke all on schema public from public;
-- Whoever may connect may otherwise store large objects, write to the log of changes, and run blocks that outlive a limit.
do $$
declare
    each_function regprocedure;
begin
    for each_function in
        select oid from pg_proc
        where
            pronamespace = 'pg_catalog'::regnamespace
            and proname in ('lo_create', 'lo_creat', 'lo_from_bytea', 'pg_logical_emit_message')
    loop
        execute format('revoke execute on function %s from public', each_function);
    end loop;
end
$$;
revoke usage on language plpgsql from public;
grant usage on language plpgsql to urbanbrain_loader;
