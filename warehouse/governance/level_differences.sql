-- governance.level_differences
-- One row per record that one level tells of and the other lacks, on that street and business date, and why.
-- The first reason that holds is given: it lies in quarantine there; it is there under another street or day; the
-- street only assists; the street sent it back; it may still come; it is excluded; it went past the district, as most
-- orders do; it names nothing to look for. Numbers without records have one row for the surplus.
-- The rows of a street and day add up to the difference in governance.level_reconciliation.
with first_side as (
    select *
    from core.level_records
    where side = 'first'
),

second_side as (
    select *
    from core.level_records
    where side = 'second'
),

compared as (
    select
        coalesce(first.thing, second.thing) as thing,
        coalesce(first.street_code, second.street_code) as street_code,
        coalesce(first.business_date, second.business_date) as business_date,
        coalesce(first.record_id, second.record_id) as record_id,
        coalesce(first.record_count, 0) - coalesce(second.record_count, 0) as surplus,
        coalesce(first.names_id, second.names_id) as names_id,
        coalesce(first.is_excluded, second.is_excluded) as is_excluded,
        coalesce(first.is_returned, second.is_returned) as is_returned
    from first_side as first
    full join second_side as second
        on
            first.thing = second.thing
            and first.street_code = second.street_code
            and first.business_date = second.business_date
            and first.record_id = second.record_id
),

differing as (
    select
        compared.*,
        days.* exclude (thing),
        case when compared.surplus > 0 then 'second' else 'first' end as lacking_side,
        case when compared.surplus > 0 then days.second_feed else days.first_feed end as lacking_feed,
        case when compared.surplus > 0 then days.second_covered_until else days.first_covered_until end as covered_until
    from compared
    inner join core.level_days as days
        on
            compared.thing = days.thing
            and compared.business_date >= days.valid_from
            and compared.business_date < days.valid_to
    where compared.surplus <> 0
),

-- Every value of a row in quarantine, letters and digits only: a number that lost a dash is found, too.
set_aside as (
    select distinct
        feed_id,
        regexp_replace(unnest(json_extract_string(received, '$.*')), '[^0-9A-Za-z]', '', 'g') as letters
    from ops.quarantine
),

elsewhere as (
    select
        differing.thing,
        differing.street_code,
        differing.business_date,
        differing.record_id,
        differing.lacking_side,
        min(
            struct_pack(
                days := abs(date_diff('day', records.business_date, differing.business_date)),
                street_code := records.street_code
            )
        ).street_code as found_street_code
    from differing
    inner join core.level_records as records
        on
            differing.thing = records.thing
            and differing.lacking_side = records.side
            and differing.record_id = records.record_id
    where differing.record_id <> '*'
    group by all
),

assisting as (
    select distinct
        'order_dispatch' as thing,
        'second' as lacking_side,
        city_work_order_id as record_id,
        street_code
    from district.dispatch
    where dispatch_role = 'assist'
)

select
    differing.thing,
    differing.street_code,
    differing.business_date,
    case when differing.lacking_side = 'second' then differing.second_level else differing.first_level end as lacking_level,
    differing.lacking_feed,
    differing.record_id,
    differing.thing_name,
    differing.thing_name_en,
    case when differing.lacking_side = 'second' then differing.first_feed else differing.second_feed end as told_by_feed,
    differing.names_id,
    abs(differing.surplus) as record_count,
    case
        when differing.record_id = '*' and differing.business_date + cast(differing.wait_days as integer) >= differing.covered_until
            then 'not_yet_due'
        when differing.record_id = '*' then 'counts_only'
        when set_aside.letters is not null then 'quarantined'
        when differing.is_returned then 'returned'
        when elsewhere.found_street_code <> differing.street_code then 'other_street'
        when elsewhere.found_street_code is not null then 'other_day'
        when assisting.record_id is not null then 'other_role'
        when differing.names_id is null then 'no_reference'
        when differing.business_date + cast(differing.wait_days as integer) >= differing.covered_until then 'not_yet_due'
        when differing.is_excluded then 'excluded'
        when differing.thing = 'order_dispatch' and differing.lacking_side = 'second' then 'not_by_district'
        else 'unknown'
    end as reason,
    case
        when elsewhere.found_street_code <> differing.street_code then elsewhere.found_street_code
    end as found_street_code
from differing
left join set_aside
    on
        differing.lacking_feed = set_aside.feed_id
        and regexp_replace(differing.names_id, '[^0-9A-Za-z]', '', 'g') = set_aside.letters
left join elsewhere
    on
        differing.thing = elsewhere.thing
        and differing.street_code = elsewhere.street_code
        and differing.business_date = elsewhere.business_date
        and differing.record_id = elsewhere.record_id
        and differing.lacking_side = elsewhere.lacking_side
left join assisting
    on
        differing.thing = assisting.thing
        and differing.lacking_side = assisting.lacking_side
        and differing.record_id = assisting.record_id
        and differing.street_code = assisting.street_code
