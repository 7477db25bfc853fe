-- core.row_bands
-- One row per feed and business date on which it should have delivered or did, with how many rows are usual then.
-- Usual is the median of the days like it in the weeks before, give or take what the rule of the day tolerates; in a
-- feed's first days there is none. Like it are the same weekdays that were worked, or off, as it is. A holiday and a
-- weekend worked in exchange are like any day off and any day worked; where there was none, like their weekday.
-- `urbanbrain status` asks this same file of a day the warehouse does not have yet.
with delivered as (
    select
        feed_id,
        business_date,
        cast(sum(received) as bigint) as received_count
    from core.batches
    where origin = 'source'
    group by all
),

days as (
    select
        feed_id,
        business_date
    from ops.expectations
    union
    select
        feed_id,
        business_date
    from delivered
),

kinds as (
    select
        dates.business_date,
        coalesce(calendar.day_kind = 'workday', isodow(dates.business_date) < 6) as is_worked,
        calendar.day is not null as is_exchanged
    from (select distinct days.business_date from days) as dates
    left join ref.calendar_days as calendar on dates.business_date = calendar.day
),

earlier as (
    select
        delivered.*,
        kinds.is_worked
    from delivered
    inner join kinds on delivered.business_date = kinds.business_date
),

first_days as (
    select
        feed_id,
        min(business_date) as first_date
    from delivered
    group by all
),

compared as (
    select
        days.feed_id,
        days.business_date,
        rules.tolerated_deviations,
        rules.tolerated_share,
        earlier.received_count,
        kinds.is_worked = earlier.is_worked as is_alike
    from days
    inner join kinds on days.business_date = kinds.business_date
    inner join ref.health_rules as rules
        on days.business_date >= rules.valid_from and days.business_date < rules.valid_to
    inner join first_days
        on
            days.feed_id = first_days.feed_id
            and first_days.first_date <= days.business_date - cast(rules.learning_days as integer)
    inner join earlier
        on
            days.feed_id = earlier.feed_id
            and earlier.business_date < days.business_date
            and earlier.business_date >= days.business_date - cast(rules.history_days as integer)
            and (
                isodow(earlier.business_date) = isodow(days.business_date)
                or (kinds.is_exchanged and kinds.is_worked = earlier.is_worked)
            )
),

usual as (
    select
        feed_id,
        business_date,
        coalesce(median(received_count) filter (where is_alike), median(received_count)) as usual_count,
        greatest(
            any_value(tolerated_deviations)
            * coalesce(mad(received_count) filter (where is_alike), mad(received_count)),
            any_value(tolerated_share)
            * coalesce(median(received_count) filter (where is_alike), median(received_count))
        ) as tolerance
    from compared
    group by all
)

select
    days.feed_id,
    days.business_date,
    case
        when usual.feed_id is not null
            then cast(floor(greatest(0, usual.usual_count - usual.tolerance)) as bigint)
    end as expected_rows_lo,
    cast(ceil(usual.usual_count + usual.tolerance) as bigint) as expected_rows_hi
from days
left join usual on days.feed_id = usual.feed_id and days.business_date = usual.business_date
