-- governance.channel_health
-- One row per feed and business date on which it should have delivered or did. A day without a delivery keeps its
-- row and is missing; otherwise silence would look healthy. Days not yet due have no row until they deliver.
-- The state is as of the newest landing in the warehouse, never of the clock.
-- landed_at is when the day was complete for the first time; later pulls of the same window are corrections and
-- do not make it late; rows an office sent back are no delivery. A delivery without a row is missing where rows were
-- due, on every working day. A day of which an hour was never pulled is partial, however many rows came.
-- open_count are rows of that day that wait for a correction, whoever brought them.
-- The expected band is that of core.row_bands; rules are rows of ref.health_rules.
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

-- Days on which a source first sent its columns otherwise than before; of a feed's first delivery nothing is known.
reshaped as (
    select distinct
        batches.feed_id,
        batches.business_date
    from core.batches as batches
    inner join ops.drift as drift
        on
            batches.feed_id = drift.feed_id
            and batches.window_start = drift.window_start
            and batches.batch_id = drift.batch_id
            and batches.landed_at = drift.first_seen_at
    where
        drift.kind <> 'new_value'
        and (drift.kind <> 'missing_column' or drift.mode <> 'warn')
        and batches.landed_at > (
            select min(firsts.landed_at) from core.batches as firsts where batches.feed_id = firsts.feed_id
        )
),

calendar as (
    select
        coalesce(expected.feed_id, delivered.feed_id) as feed_id,
        coalesce(expected.level, delivered.level) as level,
        coalesce(expected.business_date, delivered.business_date) as business_date,
        expected.expected_by,
        coalesce(expected.is_mandatory, false) as is_mandatory,
        expected.feed_id is not null and coalesce(expected.is_row_expected, true) as is_row_expected,
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
        or expected.expected_by <= (
            select max(batches.landed_at) from core.batches as batches where batches.origin <> 'correction'
        )
),

-- What of a day's time no window reached: a lost hour between two others, or the last one once a later one is there.
reached as (
    select
        expected.feed_id,
        expected.business_date,
        greatest(
            expected.covers_from, min(batches.window_start) over (partition by expected.feed_id)
        ) as begins_at,
        case
            when
                expected.expected_by <= (
                    select max(landed.landed_at) from core.batches as landed where landed.origin <> 'correction'
                )
                then expected.covers_until
        end as ends_at,
        batches.window_start - to_minutes(expected.look_back_minutes) as window_start,
        max(batches.window_end) over (
            partition by expected.feed_id, expected.business_date
            order by batches.window_start
            rows between unbounded preceding and 1 preceding
        ) as reached_before,
        batches.window_end
    from ops.expectations as expected
    inner join core.batches as batches
        on
            expected.feed_id = batches.feed_id
            and batches.window_start - to_minutes(expected.look_back_minutes) < expected.covers_until
            and batches.window_end > expected.covers_from
    where batches.origin <> 'correction' and not batches.is_refused
),

gaps as (
    select
        feed_id,
        business_date
    from reached
    group by all
    having bool_or(window_start > coalesce(reached_before, begins_at)) or max(window_end) < any_value(ends_at)
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
        bands.expected_rows_lo,
        bands.expected_rows_hi,
        gaps.feed_id is not null as has_gap,
        reshaped.feed_id is not null as is_reshaped,
        greatest(0, date_diff('minute', calendar.expected_by, calendar.landed_at)) as delay_minutes,
        date_diff(
            'minute',
            cast(calendar.business_date + 1 as timestamp) at time zone 'Asia/Shanghai',
            calendar.expected_by
        ) as sla_minutes
    from calendar
    left join core.row_bands as bands
        on calendar.feed_id = bands.feed_id and calendar.business_date = bands.business_date
    left join gaps
        on calendar.feed_id = gaps.feed_id and calendar.business_date = gaps.business_date
    left join reshaped
        on calendar.feed_id = reshaped.feed_id and calendar.business_date = reshaped.business_date
),

judged as (
    select
        *,
        received_count - duplicate_count - refused_count as judged_count,
        case
            when batch_count = refused_batch_count and refused_batch_count > 0 then 'quarantined'
            when received_count = 0 and (is_row_expected or batch_count = 0) then 'missing'
            when validated_count = 0 and quarantined_count > 0 then 'quarantined'
            when landed_at > expected_by then 'late'
            when has_gap or received_count < expected_rows_lo then 'partial'
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
        cast(coalesce(
            w_content * validated_count / nullif(judged_count, 0),
            case when received_count = 0 and status <> 'missing' then w_content else 0 end
        ) as decimal(5, 2)) as content_score,
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
            greatest(
                0,
                coalesce(w_stability * (batch_count - refused_batch_count) / nullif(batch_count, 0), 0)
                - case when is_reshaped then schema_change_points else 0 end
            ) as decimal(5, 2)
        ) as stability_score
    from judged
),

waiting as (
    select
        bad.feed_id,
        batches.business_date,
        count(*) as open_count,
        min(bad.landed_at) as oldest_open_at
    from ops.quarantine as bad
    inner join core.batches as batches
        on bad.feed_id = batches.feed_id and bad.batch_id = batches.batch_id
    where bad.state = 'open'
    group by all
),

owners as (
    select
        feed_id,
        any_value(owner) as owner
    from ops.expectations
    group by all
)

select
    scored.feed_id,
    scored.business_date,
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
    cast(completeness_score + content_score + timeliness_score + stability_score as decimal(5, 2)) as total_score,
    coalesce(waiting.open_count, 0) as open_count,
    waiting.oldest_open_at,
    owners.owner
from scored
left join waiting
    on scored.feed_id = waiting.feed_id and scored.business_date = waiting.business_date
left join owners on scored.feed_id = owners.feed_id
