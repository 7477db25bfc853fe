-- check: one version of the rules is in force
select count(distinct rule_version) as version_count
from model
where is_current
having count(distinct rule_version) <> 1;
