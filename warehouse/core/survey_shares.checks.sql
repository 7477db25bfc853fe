-- check: the lower bound is not above the upper one
select *
from model
where survey_share_low > survey_share_high;
