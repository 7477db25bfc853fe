-- governance.level_reconciliation
-- One row per thing, street and business date: what two levels count of the same thing, and what differs.
-- A street without either has no row. Things are compared from the first day that both sources were pulled for.
with counted as (
    select
        thing,
        street_code,
        business_date,
        coalesce(sum(record_count) filter (where side = 'first'), 0) as first_count,
        coalesce(sum(record_count) filter (where side = 'second'), 0) as second_count
    from core.level_records
    group by all
),

differing as (
    select
        thing,
        street_code,
        business_date,
        lacking_feed,
        sum(record_count) as record_count,
        sum(record_count) filter (where reason = 'not_yet_due') as waiting_count,
        sum(record_count) filter (where reason = 'unknown') as unexplained_count
    from governance.level_differences
    group by all
)

select
    counted.thing,
    counted.street_code,
    counted.business_date,
    rules.thing_name,
    rules.thing_name_en,
    rules.first_level,
    rules.first_feed,
    cast(counted.first_count as bigint) as first_count,
    rules.second_level,
    rules.second_feed,
    cast(counted.second_count as bigint) as second_count,
    cast(counted.first_count - counted.second_count as bigint) as count_difference,
    cast(
        case 'city' when rules.first_level then counted.first_count when rules.second_level then counted.second_count end
        as bigint
    ) as city_count,
    cast(
        case 'district' when rules.first_level then counted.first_count when rules.second_level then counted.second_count end
        as bigint
    ) as district_count,
    cast(
        case 'street' when rules.first_level then counted.first_count when rules.second_level then counted.second_count end
        as bigint
    ) as street_count,
    cast(coalesce(lacking_second.record_count, 0) as bigint) as only_first_count,
    cast(coalesce(lacking_first.record_count, 0) as bigint) as only_second_count,
    cast(coalesce(lacking_second.waiting_count, 0) + coalesce(lacking_first.waiting_count, 0) as bigint) as waiting_count,
    cast(
        coalesce(lacking_second.unexplained_count, 0) + coalesce(lacking_first.unexplained_count, 0) as bigint
    ) as unexplained_count
from counted
inner join ref.level_rules as rules
    on
        counted.thing = rules.thing
        and counted.business_date >= rules.valid_from
        and counted.business_date < rules.valid_to
left join differing as lacking_second
    on
        counted.thing = lacking_second.thing
        and counted.street_code = lacking_second.street_code
        and counted.business_date = lacking_second.business_date
        and rules.second_feed = lacking_second.lacking_feed
left join differing as lacking_first
    on
        counted.thing = lacking_first.thing
        and counted.street_code = lacking_first.street_code
        and counted.business_date = lacking_first.business_date
        and rules.first_feed = lacking_first.lacking_feed
