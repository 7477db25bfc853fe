-- governance.channel_health
-- One row per feed and business date on which it should have delivered or did. A day without a delivery keeps its
-- row and is missing; otherwise silence would look healthy. Days not yet due have no row until they deliver.
-- The state is as of the newest landing in the warehouse, never of the clock.
-- landed_at is when the day was complete for the first time; later pulls of the same window are corrections and
-- do not make it late; rows an office sent back are no delivery. The expected band is the median of the same weekday
-- in the weeks before, give or take what the rule of the day tolerates; in a feed's first days there is none.
-- Rules are rows of ref.health_rules.
with delivered as (
    select
        feed_id,
        level,
        business_date,
        min(first_landed_at) filter (where window_end = last_end) as landed_at,
        count(*) as batch_count,
        count(*) filter (where is_refused) as refused_batch_count,
        cast(sum(received) as bigint) as received_count,
        cast(sum(validated) as bigint) as validated_count,
        cast(sum(quarantined) as bigint) as quarantined_count,
        cast(sum(duplicate) as bigint) as duplicate_count,
        cast(sum(refused) as bigint) as refused_count,
        cast(sum(inserted) as bigint) as inserted_count,
        cast(sum(updated) as bigint) as updated_count,
        cast(sum(unchanged) as bigint) as unchanged_count,
        cast(sum(stale) as bigint) as stale_count
    from (
        select
            *,
            max(window_end) over (partition by feed_id, business_date) as last_end
        from core.batches
        where origin = 'source'
    )
    group by all
),

calendar as (
    select
        coalesce(expected.feed_id, delivered.feed_id) as feed_id,
        coalesce(expected.level, delivered.level) as level,
        coalesce(expected.business_date, delivered.business_date) as business_date,
        expected.expected_by,
        coalesce(expected.is_mandatory, false) as is_mandatory,
        delivered.* exclude (feed_id, level, business_date),
        rules.* exclude (rule_id, valid_from, valid_to)
    from ops.expectations as expected
    full join delivered
        on expected.feed_id = delivered.feed_id and expected.business_date = delivered.business_date
    inner join ref.health_rules as rules
        on
            coalesce(expected.business_date, delivered.business_date) >= rules.valid_from
            and coalesce(expected.business_date, delivered.business_date) < rules.valid_to
    where
        delivered.feed_id is not null
        or expected.expected_by <= (select max(batches.landed_at) from core.batches as batches)
),

usual as (
    select
        calendar.feed_id,
        calendar.business_date,
        median(earlier.received_count) as usual_count,
        greatest(
            any_value(calendar.tolerated_deviations) * mad(earlier.received_count),
            any_value(calendar.tolerated_share) * median(earlier.received_count)
        ) as tolerance
    from calendar
    inner join delivered as earlier
        on
            calendar.feed_id = earlier.feed_id
            and earlier.business_date < calendar.business_date
            and earlier.business_date >= calendar.business_date - cast(calendar.history_days as integer)
            and dayofweek(earlier.business_date) = dayofweek(calendar.business_date)
    group by all
),

first_days as (
    select
        feed_id,
        min(business_date) as first_date
    from delivered
    group by all
),

banded as (
    select
        calendar.* replace (
            coalesce(calendar.batch_count, 0) as batch_count,
            coalesce(calendar.refused_batch_count, 0) as refused_batch_count,
            coalesce(calendar.received_count, 0) as received_count,
            coalesce(calendar.validated_count, 0) as validated_count,
            coalesce(calendar.quarantined_count, 0) as quarantined_count,
            coalesce(calendar.duplicate_count, 0) as duplicate_count,
            coalesce(calendar.refused_count, 0) as refused_count,
            coalesce(calendar.inserted_count, 0) as inserted_count,
            coalesce(calendar.updated_count, 0) as updated_count,
            coalesce(calendar.unchanged_count, 0) as unchanged_count,
            coalesce(calendar.stale_count, 0) as stale_count
        ),
        case
            when first_days.first_date <= calendar.business_date - cast(calendar.learning_days as integer)
                then cast(floor(greatest(0, usual.usual_count - usual.tolerance)) as bigint)
        end as expected_rows_lo,
        case
            when first_days.first_date <= calendar.business_date - cast(calendar.learning_days as integer)
                then cast(ceil(usual.usual_count + usual.tolerance) as bigint)
        end as expected_rows_hi,
        greatest(0, date_diff('minute', calendar.expected_by, calendar.landed_at)) as delay_minutes,
        date_diff(
            'minute',
            cast(calendar.business_date + 1 as timestamp) at time zone 'Asia/Shanghai',
            calendar.expected_by
        ) as sla_minutes
    from calendar
    left join usual
        on calendar.feed_id = usual.feed_id and calendar.business_date = usual.business_date
    left join first_days on calendar.feed_id = first_days.feed_id
),

judged as (
    select
        *,
        received_count - duplicate_count - refused_count as judged_count,
        case
            when batch_count = refused_batch_count and refused_batch_count > 0 then 'quarantined'
            when received_count = 0 then 'missing'
            when validated_count = 0 and quarantined_count > 0 then 'quarantined'
            when landed_at > expected_by then 'late'
            when received_count < expected_rows_lo then 'partial'
            when received_count > expected_rows_hi then 'drifted'
            when expected_rows_lo is null then 'learning'
            else 'ok'
        end as status
    from banded
),

scored as (
    select
        *,
        cast(
            case
                when status = 'missing' then 0
                when received_count < expected_rows_lo then w_completeness * received_count / expected_rows_lo
                when received_count > expected_rows_hi then w_completeness * expected_rows_hi / received_count
                else w_completeness
            end as decimal(5, 2)
        ) as completeness_score,
        cast(coalesce(w_content * validated_count / nullif(judged_count, 0), 0) as decimal(5, 2)) as content_score,
        cast(
            case
                when status = 'missing' then 0
                when expected_by is null or landed_at <= expected_by then w_timeliness
                when sla_minutes > 0
                    then w_timeliness * greatest(0, 1 - delay_minutes / (late_limit_count * sla_minutes))
                else 0
            end as decimal(5, 2)
        ) as timeliness_score,
        cast(
            coalesce(w_stability * (batch_count - refused_batch_count) / nullif(batch_count, 0), 0) as decimal(5, 2)
        ) as stability_score
    from judged
)

select
    feed_id,
    business_date,
    level,
    status,
    is_mandatory,
    expected_by,
    landed_at,
    case when landed_at is not null and expected_by is not null then delay_minutes end as delay_minutes,
    batch_count,
    received_count,
    validated_count,
    quarantined_count,
    duplicate_count,
    refused_count,
    inserted_count,
    updated_count,
    unchanged_count,
    stale_count,
    expected_rows_lo,
    expected_rows_hi,
    cast(validated_count / nullif(judged_count, 0) as decimal(7, 6)) as content_valid_share,
    completeness_score,
    content_score,
    timeliness_score,
    stability_score,
    cast(completeness_score + content_score + timeliness_score + stability_score as decimal(5, 2)) as total_score
from scored
