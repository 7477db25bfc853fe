-- core.survey_shares
-- One row per survey, question, street and package: what share of those asked named the package.
-- A withheld count is at least 1 and at most one less than the smallest number shown; where a count did not arrive at
-- all, anything up to everybody asked is possible. So the share lies between two bounds, and nothing is put in its
-- place. The margin is that of a share of one half at 95 %, the widest there is.
with answers as (
    select
        survey_id,
        question_id,
        street_code,
        respondent_age_band,
        package_code,
        surveyed_on,
        answer_count,
        is_withheld,
        max(response_base) over (
            partition by survey_id, question_id, street_code, respondent_age_band
        ) as response_base
    from street.questionnaires
    where package_code is not null and not coalesce(_is_deleted_upstream, false)
),

asked as (
    select
        survey_id,
        question_id,
        street_code,
        max(surveyed_on) as surveyed_on,
        cast(sum(response_base) as bigint) as survey_n
    from (
        select distinct
            survey_id,
            question_id,
            street_code,
            respondent_age_band,
            response_base,
            max(surveyed_on) over (partition by survey_id) as surveyed_on
        from answers
    )
    group by all
),

counted as (
    select
        survey_id,
        question_id,
        street_code,
        package_code,
        coalesce(sum(answer_count), 0) as known_count,
        count(*) filter (where is_withheld) as withheld_count,
        sum(response_base) as told_n
    from answers
    group by all
)

select
    counted.survey_id,
    counted.question_id,
    counted.street_code,
    counted.package_code,
    asked.surveyed_on,
    asked.survey_n,
    counted.withheld_count,
    cast((counted.known_count + counted.withheld_count) / nullif(asked.survey_n, 0) as decimal(7, 6))
        as survey_share_low,
    cast(
        least(
            1.0,
            (
                counted.known_count
                + counted.withheld_count * (rules.min_people - 1)
                + asked.survey_n - counted.told_n
            ) / nullif(asked.survey_n, 0)
        )
        as decimal(7, 6)
    ) as survey_share_high,
    cast(least(1.0, 0.98 / sqrt(nullif(asked.survey_n, 0))) as decimal(7, 6)) as survey_margin
from counted
inner join asked
    on
        counted.survey_id = asked.survey_id
        and counted.question_id = asked.question_id
        and counted.street_code = asked.street_code
inner join ref.need_rules as rules
    on asked.surveyed_on >= rules.valid_from and asked.surveyed_on < rules.valid_to
