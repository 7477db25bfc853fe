-- check: an index is a rank between 0 and 1, and the gap their difference
select *
from model
where
    not (need_index between 0 and 1)
    or not (effort_index between 0 and 1)
    or gap_index <> need_index - effort_index;

-- check: every street has all packages in every period
select
    street_code,
    period
from model
group by all
having count(*) <> (select count(distinct packages.package_code) from ref.packages as packages);

-- check: a survey share comes with how many were asked, and its margin
select *
from model
where (survey_share_low is null) <> (survey_n is null) or (survey_n is null) <> (survey_margin is null);
