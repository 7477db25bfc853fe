-- check: the shares of an old area add up to one
select
    from_area_code,
    change_on,
    sum(weight_population) as weight_population
from model
group by all
having sum(weight_population) <> 1;

-- check: the shares of an old area's ground add up to one where they are known
select
    from_area_code,
    change_on,
    sum(weight_area) as weight_area
from model
group by all
having sum(weight_area) <> 1 or count(weight_area) not in (0, count(*));

-- check: both areas are in the register
select *
from model
where
    from_area_code not in (select areas.area_code from ref.areas as areas)
    or to_area_code not in (select areas.area_code from ref.areas as areas);
