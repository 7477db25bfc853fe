-- check: a source class has one meaning on any day
select
    one.source_system,
    one.source_category,
    other.valid_from
from model as one
inner join model as other
    on
        one.source_system = other.source_system
        and one.source_category = other.source_category
        and one.valid_from < other.valid_from
        and other.valid_from < one.valid_to;

-- check: a common class has one name and one package
select category_code
from model
group by all
having count(distinct category_name) > 1 or count(distinct coalesce(package_code, '')) > 1;

-- check: the package is one of the plan
select *
from model
where package_code is not null and package_code not in (select packages.package_code from ref.packages as packages);
