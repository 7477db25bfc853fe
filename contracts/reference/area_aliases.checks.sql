-- check: a name starts before it ends
select *
from model
where valid_from >= valid_to;

-- check: a name means one area of a level on any day
with named as (
    select
        model.*,
        levels.area_level
    from model
    inner join (
        select distinct
            area_code,
            area_level
        from ref.areas
    ) as levels on model.area_code = levels.area_code
)

select
    one.alias,
    one.area_code,
    other.area_code as other_area_code,
    other.valid_from
from named as one
inner join named as other
    on
        one.alias = other.alias
        and one.area_level = other.area_level
        and (one.area_code, one.valid_from) <> (other.area_code, other.valid_from)
        and one.valid_from <= other.valid_from
        and other.valid_from < one.valid_to;

-- check: a name is in use only while its area lives
select
    aliases.alias,
    aliases.area_code,
    aliases.valid_from
from model as aliases
left join (
    select
        area_code,
        min(valid_from) as valid_from,
        max(valid_to) as valid_to
    from ref.areas
    group by all
) as lives on aliases.area_code = lives.area_code
where
    lives.area_code is null
    or aliases.valid_from < lives.valid_from
    or aliases.valid_to > lives.valid_to;

-- check: a historic name is at most half sure
select *
from model
where alias_kind = 'historic' and confidence > 0.5;
