-- check: a report has its pieces once
select state_no
from model
group by all
having count(*) > 1;

-- check: there are not more pieces than letters, nor fewer than bits
select state_no
from model
where gram_count < bit_count(low_mark) + bit_count(high_mark) or gram_count = 0;
